// The state of each transaction, from the items of the feed so far and from what the API returns.

export const transactions = new Map();

// Items that are kept for timelines; a transaction's older ones are read again when it is shown.
const MOST_ITEMS = 2000;
const kept = [];

// A status of null is not known: the page has seen neither the creation nor an event, and reads it from the API.
const entryOf = (id, at) => {
  if (!transactions.has(id))
    transactions.set(id, { id, at, status: null, sequence: 0, items: [], events: new Map() });
  return transactions.get(id);
};

// A transaction as the API returns it. An event that is newer than the response stays.
export function known(view) {
  const entry = entryOf(view.transactionId, view.createdAt ?? view.completedDate ?? "");
  entry.user = view.notes;
  entry.expireAt ??= view.expireAt;
  entry.batchId ??= view.batchId;
  entry.securities ??= view.requested?.orderConfig?.securities;
  entry.name ??= view.requested?.config?.orderName;
  if (entry.status !== null && view.version < entry.sequence) return entry;
  entry.sequence = view.version;
  entry.status = view.status;
  entry.confirmation = view.confirmation;
  entry.settled = view.settled;
  entry.isFinal = view.final;
  entry.orders = [...(view.orders ?? []), ...(view.unplaced ?? [])];
  const { reason, message, code } = view.error ?? {};
  if (view.error) entry.problem = [message, code].filter((each) => each != null).join(" ") || reason;
  return entry;
}

function keep(entry, item) {
  if (entry.items.some(({ number }) => number === item.number)) return;
  entry.items.push(item);
  kept.push([entry, item]);
  if (kept.length <= MOST_ITEMS) return;
  const [old, oldest] = kept.shift();
  old.items = old.items.filter((each) => each !== oldest);
}

// The transaction of a feed item, updated with the item. None if the item is not about a single transaction.
export function take(item) {
  const id = about(item);
  if (!id) return null;
  const entry = entryOf(id, item.at);
  if (item.kind === "bus" && !concerns(entry, item.event)) return null;
  if (item.kind === "api") asked(entry, item.event);
  if (item.kind === "gateway" && item.event.kind === "created") entry.status ??= "CREATED";
  keep(entry, item);
  return entry;
}

// The items of a transaction that the console has stored, and this page has not.
export function fill(entry, items) {
  for (const item of items) {
    if (item.kind === "bus") heard(entry, item.event);
    if (item.kind === "api") asked(entry, item.event);
    keep(entry, item);
  }
  entry.items.sort((a, b) => a.number - b.number);
}

function about({ number, kind, event, transactionId }) {
  if (transactionId) return transactionId;
  if (kind === "api" && isCreation(event) && event.status >= 400) return `attempt ${number}`;
  // A pull names the transactions, or their batches.
  const wanted = new Set(event.asked ?? []);
  return [...transactions.values()].find((entry) => wanted.has(entry.id) || wanted.has(entry.batchId))?.id;
}

export const isCreation = ({ method, path }) => method === "POST" && path === "/transactions";

function asked(entry, event) {
  if (!isCreation(event)) return;
  entry.user = event.user;
  entry.securities = event.request?.securities ?? [];
  entry.name = event.request?.config?.orderName;
  entry.status ??= "CREATED";
  if (event.status >= 400)
    Object.assign(entry, { isAttempt: true, status: "NOT CREATED", problem: event.response?.title });
}

// Adds an event; false for a repeated one. Events may arrive in any order: the highest sequence is the newest.
function concerns(entry, event) {
  const { detail } = event;
  if (entry.events.has(detail.eventId)) return false;
  entry.events.set(detail.eventId, event);
  entry.user ??= detail.notes;
  entry.batchId ??= detail.batchId;
  if (detail.requested) {
    entry.securities ??= detail.requested.orderConfig?.securities;
    entry.name ??= detail.requested.config?.orderName;
  }
  entry.expireAt ??= detail.expireAt;
  if ((detail.sequence ?? -1) < entry.sequence) return true;
  entry.sequence = detail.sequence;
  entry.status = detail.status;
  entry.confirmation = detail.confirmation ?? entry.confirmation;
  entry.settled = entry.settled || event["detail-type"] === "OrdersSettled";
  entry.isFinal = entry.settled || event["detail-type"] === "TransactionFailed";
  if (detail.orders || detail.unplaced) entry.orders = [...(detail.orders ?? []), ...(detail.unplaced ?? [])];
  if (event["detail-type"] === "OrdersRetracted") entry.orders = [];
  if (event["detail-type"] === "TransactionFailed")
    entry.problem = [detail.errorMessage, detail.errorCode].filter(Boolean).join(" ") || detail.reason;
  return true;
}

export const title = ({ id, name, securities, orders }) =>
  name ??
  ([...new Set((securities ?? orders ?? []).map((each) => each.ticker ?? each.tradingsymbol))].join(", ") ||
    id);

// The newest transactions, up to `count`.
export const newest = (count, which = () => true) =>
  [...transactions.values()]
    .filter(which)
    .sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
    .slice(0, count);

// The stage in one word, next to the status.
export const stage = ({ status, settled, confirmation }) =>
  settled && status !== "FAILED" ? "settled" : (confirmation ?? "");
