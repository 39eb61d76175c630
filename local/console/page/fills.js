// Fills over time, one line per security, drawn from the events on the bus.
import { h } from "./dom.js";

const W = 760, H = 150, LEFT = 34, RIGHT = 92, TOP = 10, BOTTOM = 20;

// Points {at, share} by ticker from the events' orders.
export function series(events) {
  const lines = new Map();
  for (const { detail, time } of events) {
    for (const order of detail.orders ?? []) {
      const points = lines.get(order.tradingsymbol) ?? lines.set(order.tradingsymbol, []).get(order.tradingsymbol);
      points.push({ at: Date.parse(detail.occurredAt ?? time), share: (order.filledQuantity ?? 0) / (order.quantity || 1) });
    }
  }
  return lines;
}

export function picture(events) {
  const lines = series(events);
  if (!lines.size) return [];
  const all = [...lines.values()].flat().map(({ at }) => at);
  const from = Math.min(...all), span = Math.max(1000, Math.max(...all) - from);
  const x = (at) => LEFT + ((at - from) / span) * (W - LEFT - RIGHT);
  const y = (share) => TOP + (1 - share) * (H - TOP - BOTTOM);
  const label = [...lines].map(([ticker, points]) => `${ticker} ${Math.round(points.at(-1).share * 100)}%`).join(", ");
  const grid = [0, 0.5, 1].map((share) => h("g", { class: "grid" },
    h("line", { x1: LEFT, x2: W - RIGHT, y1: y(share), y2: y(share) }),
    h("text", { x: LEFT - 5, y: y(share) + 4, "text-anchor": "end" }, `${share * 100}%`)));
  const names = [...lines].map(([ticker, points], index) => ({ ticker, index, end: y(points.at(-1).share) + 4 }));
  names.sort((a, b) => a.end - b.end).forEach((each, i) => { if (i) each.end = Math.max(each.end, names[i - 1].end + 13); });
  const drawn = names.map(({ ticker, index, end }) => {
    const sorted = lines.get(ticker).toSorted((a, b) => a.at - b.at || a.share - b.share);
    const path = sorted.map(({ at, share }, i) => (i ? `H${x(at)}V${y(share)}` : `M${x(at)} ${y(share)}`)).join("");
    return h("g", { class: `line s${index % 6}` }, h("path", { d: `${path}H${W - RIGHT}` }),
      sorted.map(({ at, share }) => h("circle", { cx: x(at), cy: y(share), r: 2.6 })),
      h("text", { x: W - RIGHT + 6, y: end }, ticker));
  });
  return [
    h("svg", { viewBox: `0 0 ${W} ${Math.max(H, names.at(-1).end + 8)}`, role: "img", "aria-label": `Filled over time: ${label}` }, grid, drawn,
      h("text", { class: "axis", x: LEFT, y: H - 4 }, "0 s"),
      h("text", { class: "axis", x: W - RIGHT, y: H - 4, "text-anchor": "end" }, `${(span / 1000).toFixed(1)} s`)),
    h("figcaption", {}, `Filled, as told on the bus: ${label}`),
  ];
}
