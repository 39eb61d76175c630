// Fills over time, one line per order, from the events on the bus.
import { h, time } from "./dom.js";

const W = 300,
  H = 124,
  LEFT = 36,
  RIGHT = 80,
  TOP = 10,
  BOTTOM = 20,
  LINE = 13;

// Points {at, filled, quantity} by security and side, in the order of the transaction's changes.
function series(events) {
  const lines = new Map();
  for (const { detail } of events.sort((a, b) => a.detail.sequence - b.detail.sequence)) {
    for (const { tradingsymbol, transactionType, filledQuantity, quantity } of detail.orders ?? []) {
      const key = `${tradingsymbol} ${transactionType}`;
      if (!lines.has(key)) lines.set(key, { ticker: tradingsymbol, points: [] });
      lines
        .get(key)
        .points.push({ at: Date.parse(detail.occurredAt), filled: filledQuantity ?? 0, quantity });
    }
  }
  return [...lines.values()];
}

const share = ({ filled, quantity }) => filled / (quantity || 1);

export function picture(events) {
  const lines = series(events);
  if (!lines.length) return [];
  const all = lines.flatMap(({ points }) => points.map(({ at }) => at));
  const from = Math.min(...all),
    span = Math.max(1000, Math.max(...all) - from);
  const x = (at) => LEFT + ((at - from) / span) * (W - LEFT - RIGHT);
  const y = (part) => TOP + (1 - part) * (H - TOP - BOTTOM);
  const label = lines
    .map(({ ticker, points }) => `${ticker} ${Math.round(share(points.at(-1)) * 100)}%`)
    .join(", ");
  const grid = [0, 0.5, 1].map((part) =>
    h(
      "g",
      { class: "grid" },
      h("line", { x1: LEFT, x2: W - RIGHT, y1: y(part), y2: y(part) }),
      h("text", { x: LEFT - 6, y: y(part) + 4, "text-anchor": "end" }, `${part * 100}%`),
    ),
  );
  const drawn = lines.map(({ ticker, points }, n) => {
    const path = points
      .map((point, i) => (i ? `H${x(point.at)}V${y(share(point))}` : `M${x(point.at)} ${y(share(point))}`))
      .join("");
    return h(
      "g",
      { class: `line s${n % 6}` },
      h("path", { d: `${path}H${W - RIGHT}` }),
      points.map((point) =>
        h(
          "circle",
          { cx: x(point.at), cy: y(share(point)), r: 2.6 },
          h("title", {}, `${ticker} ${point.filled}/${point.quantity} at ${time(point.at)}`),
        ),
      ),
    );
  });
  // Names at the ends of their lines, moved apart where they would overlap.
  const names = lines
    .map(({ ticker, points }, n) => ({ ticker, n, end: y(share(points.at(-1))) + 4 }))
    .sort((a, b) => a.end - b.end);
  names.forEach((each, i) => {
    if (i) each.end = Math.max(each.end, names[i - 1].end + LINE);
  });
  const tall = Math.max(H, names.at(-1).end + 6);
  return [
    h(
      "svg",
      { viewBox: `0 0 ${W} ${tall}`, role: "img", "aria-label": `Filled over time: ${label}` },
      grid,
      drawn,
      names.map(({ ticker, n, end }) =>
        h("g", { class: `line s${n % 6}` }, h("text", { x: W - RIGHT + 6, y: end }, ticker)),
      ),
      h("text", { x: LEFT, y: H - 4 }, "0 s"),
      h("text", { x: W - RIGHT, y: H - 4, "text-anchor": "end" }, `${(span / 1000).toFixed(1)} s`),
    ),
    h("figcaption", {}, "Filled over time"),
  ];
}
