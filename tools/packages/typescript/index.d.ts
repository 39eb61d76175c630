import type { components } from "./schemas.js";

/** An event as EventBridge delivers it. `id` is another each time an event is published: deduplicate by `detail.eventId`. */
export interface Envelope<Kind extends string, Detail> {
  version: string;
  id: string;
  source: "securities-transactions";
  "detail-type": Kind;
  account: string;
  region: string;
  time: string;
  resources: string[];
  /** Only on an event that is replayed from the archive. */
  "replay-name"?: string;
  detail: Detail;
}

/**
 * Where an event about a transaction's state stands for a consumer whose last had the sequence `last` (0: none).
 * repeat: seen before, or overtaken by a newer one: drop it. gap: something in between has not come; the state in this
 * event is right all the same.
 */
export function standing(detail: { sequence: number; previousSequence: number }, last: number): "next" | "gap" | "repeat";

/** The JSON value in `text`; each number that is a fraction is its own text, for a decimal type. Whole ones are numbers. */
export function exact(text: string): unknown;

/** Whether an envelope is an event of this product in a version that this package knows. */
export function isEvent(envelope: unknown): envelope is Event;
