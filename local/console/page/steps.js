// One line of a transaction's life per thing that happened, with its payloads and what it changed.
import { badge, h, payload, rupees, time } from "./dom.js";

// What the backend made of a webhook, from its answer (docs/guarantees.md).
const VERDICTS = {
  accepted: ["good", "genuine and new: shown as reported, and the Gateway is asked"],
  kept: ["warn", "doubted: kept word for word, changes nothing, the Gateway is asked"],
  duplicate: ["plain", "known already: nothing changed"],
  stale: ["plain", "older than what is known: nothing changed"],
};

export function verdict({ answer, said, state }) {
  if (state === "lost") return ["warn", "lost on the way: the backend never saw it"];
  if (state === "held") return ["warn", "held back on the way"];
  const document = parsed(said);
  if (answer === 401) return ["bad", `refused: ${document.detail ?? "not shown to be the Gateway's"}`];
  if (answer === null) return ["bad", "not delivered: it comes again by the vendor's schedule"];
  return VERDICTS[document.status] ?? ["plain", `${document.status ?? document.title ?? "no word"} (${answer})`];
}

function parsed(said) {
  try {
    return JSON.parse(said ?? "{}");
  } catch {
    return { status: said };
  }
}

// A webhook is told twice: when it is written and when it was answered. The first matters where there is no second.
export const isShown = ({ kind, event }) => kind !== "gateway" || event.kind !== "webhook" || event.answer !== null || event.state !== "waiting";

export function step(item) {
  const made = { api: ofApi, bus: ofBus, gateway: isWebhook(item) ? ofWebhook : ofGateway }[item.kind](item.event);
  return h("li", { class: `step ${item.kind} ${made.tone ?? ""}` },
    h("time", { datetime: item.at }, time(item.at)),
    h("span", { class: "source" }, item.kind === "gateway" && isWebhook(item) ? "webhook" : item.kind),
    h("div", {}, h("p", {}, made.line), made.more));
}

const isWebhook = ({ kind, event }) => kind === "gateway" && event.kind === "webhook";

const ofApi = ({ method, path, status, user, request, response }) => ({
  tone: status < 400 ? "" : "bad",
  line: [h("strong", {}, `${method} ${path.replace(/TRX_\w+/, "…")}`), ` by ${user} → ${status}`],
  more: [payload("request", request), payload("answer", response)],
});

const WORDS = { created: "at the Gateway", pulled: "asked by the backend: the truth, over its own credentials" };

const ofGateway = (event) => ({
  tone: ["errored", "call failed on purpose"].includes(event.kind) ? "warn" : "",
  line: [h("strong", {}, event.kind), WORDS[event.kind] ? ` ${WORDS[event.kind]}` : "", event.broker ? ` ${event.broker}` : ""],
  more: payload("payload", event),
});

function ofWebhook(event) {
  const [tone, words] = verdict(event);
  return {
    tone,
    line: [h("strong", {}, `${event.origin === "genuine" ? "" : `${event.origin} `}${event.label}`), " ",
      h("span", { class: `verdict ${tone}` }, words)],
    more: [payload("body", event.body), payload(`answer ${event.answer ?? ""}`, event.said)],
  };
}

function ofBus(event) {
  const { detail } = event;
  const sequence = detail.sequence ? ` revision ${detail.sequence} ` : " ";
  return {
    line: [h("strong", {}, event["detail-type"]), sequence, detail.status && badge(detail.status), " ",
      detail.confirmation && badge(detail.confirmation)],
    more: [changes(detail.changes), payload("event", event)],
  };
}

export function changes(list) {
  if (!list?.length) return null;
  return h("ul", { class: "changes" }, list.map((change) => h("li", {}, described(change))));
}

function described(change) {
  const { previousStatus: was, status, previousFilledQuantity: had = 0, filledQuantity: has, quantity } = change;
  const parts = [`${change.transactionType} ${change.tradingsymbol}`];
  parts.push(was && was !== status ? `${was} → ${status}` : status);
  parts.push(`filled ${had === has ? has : `${had} → ${has}`} of ${quantity}`);
  if (change.averagePrice && has) parts.push(`at ${rupees(change.averagePrice)}`);
  if (change.errorCode) parts.push(change.errorCode);
  return parts.join(" · ");
}
