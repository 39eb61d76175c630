// Elements from data. Text is always text, never markup.
export const $ = (id) => document.getElementById(id);

const SVG = new Set(["svg", "path", "line", "text", "g", "title", "circle"]);

export function h(name, attributes = {}, ...children) {
  const element = SVG.has(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false && child !== ""));
  return element;
}

export const time = (at) => new Date(at).toLocaleTimeString("en-GB", { hour12: false });

const INR = new Intl.NumberFormat("en-IN", { style: "currency", currency: "INR" });
export const rupees = (amount) => INR.format(amount);

// For columns with ₹ in the heading.
const PLAIN = new Intl.NumberFormat("en-IN", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
export const plain = (amount) => PLAIN.format(amount);

export const empty = (...words) => h("p", { class: "empty" }, ...words);

export function table(columns, rows) {
  const head = columns.map(({ name, kind }) => h("th", { scope: "col", class: kind }, name));
  const body = rows.map(({ cells, ...attributes }) =>
    h(
      "tr",
      attributes,
      cells.map((cell, n) => h("td", { class: columns[n].kind }, cell)),
    ),
  );
  return h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, body));
}

// A status as a colored word. The word alone has all the information.
export const badge = (status, tone = toneOf(status)) => h("b", { class: `badge ${tone}` }, status);

const TONES = [
  [/^(COMPLETE|COMPLETED|settled)$/, "good"],
  [/REJECTED|FAILED|ERROR|UNFILLED|UNPLACED|NOT CREATED/, "bad"],
  [/CANCEL|PARTIAL|UNKNOWN|MARKED/, "warn"],
];

const toneOf = (status) => TONES.find(([pattern]) => pattern.test(status))?.[1] ?? "plain";
