// Calls of the page: to the API as the signed-in user, and to the simulator.
import { $ } from "./dom.js";

export const user = () => $("user").value.trim();

// This tab, to know its own orders by: another tab may be signed in as the same user.
export const TAB = crypto.randomUUID();

async function call(path, method, body, headers = {}) {
  const answer = await fetch(path, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const said = parsed(await answer.text());
  if (!answer.ok) {
    // A problem of the API, the simulator's list of errors, or any other response.
    const wrong = (said?.errors ?? []).map((each) =>
      each.field ? `${each.field}: ${each.detail}` : String(each),
    );
    throw new Error(
      [said?.title, wrong.join("; ") || said?.detail].filter(Boolean).join(": ") ||
        `the response was ${answer.status}`,
    );
  }
  return said;
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return { detail: text };
  }
}

export const api = (method, path, body, headers = {}) =>
  call(`api${path}`, method, body, { "x-user": encodeURIComponent(user()), "x-tab": TAB, ...headers });

export const sim = (method, path, body) => call(`sim${path}`, method, body);

export const local = (path) => call(path, "GET");
