// Elements from data; text is always text, never markup.
export const $ = (id) => document.getElementById(id);

export function h(name, attributes = {}, ...children) {
  const svg = ["svg", "path", "line", "text", "g", "title", "circle"].includes(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

export const time = (at) => new Date(at).toLocaleTimeString("en-GB", { hour12: false });

export const rupees = (amount) =>
  new Intl.NumberFormat("en-IN", { style: "currency", currency: "INR" }).format(amount);

// One click to the payload, as it was sent.
export const payload = (label, value) =>
  value == null ? null : h("details", {}, h("summary", {}, label), h("pre", { tabindex: 0 }, text(value)));

const text = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

// A status as a coloured word; the word alone says it all.
export const badge = (status, tone = toneOf(status)) => h("b", { class: `badge ${tone}` }, status);

const TONES = [
  [/^(COMPLETE|COMPLETED|SETTLED|confirmed|settled)$/, "good"],
  [/REJECTED|FAILED|ERROR|UNFILLED|UNPLACED|refused/, "bad"],
  [/CANCEL|PARTIAL|UNKNOWN|doubted/, "warn"],
];

export function toneOf(status) {
  return TONES.find(([pattern]) => pattern.test(status))?.[1] ?? "plain";
}
