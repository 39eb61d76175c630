// The ways out of the page: the API as the signed-in user, and the simulator.
import { $ } from "./dom.js";

export const user = () => $("user").value.trim();

export class Refused extends Error {}

async function call(path, method, body, headers = {}) {
  const answer = await fetch(path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  const said = text ? JSON.parse(text) : null;
  if (!answer.ok) {
    const fields = (said?.errors ?? []).map(({ field, message }) => `${field}: ${message}`).join("; ");
    throw new Refused([said?.title, said?.detail ?? said?.message ?? said?.error, fields].filter(Boolean).join(" — "));
  }
  return said;
}

export const api = (method, path, body, headers = {}) =>
  call(`api${path}`, method, body, { "x-user": user(), ...headers });

export const sim = (method, path, body) => call(`sim${path}`, method, body);

export const local = (path) => call(path, "GET");
