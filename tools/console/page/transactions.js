// The state of each transaction, from the items of the feed so far.

export const transactions = new Map();

const entryOf = (id, at) => {
  if (!transactions.has(id))
    transactions.set(id, { id, at, status: "CREATED", sequence: 0, items: [], events: new Map() });
  return transactions.get(id);
};

// The transaction of a feed item, updated with the item. None if the item is not about a single transaction.
export function take(item) {
  const id = about(item);
  if (!id) return null;
  const entry = entryOf(id, item.at);
  if (item.kind === "bus" && !concerns(entry, item.event)) return null;
  if (item.kind === "api") asked(entry, item.event);
  entry.items.push(item);
  return entry;
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
  if ((detail.sequence ?? -1) < entry.sequence) return true;
  entry.sequence = detail.sequence;
  entry.status = detail.status;
  entry.confirmation = detail.confirmation ?? entry.confirmation;
  entry.settled = entry.settled || event["detail-type"] === "OrdersSettled";
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

// The stage in one word, next to the status.
export const stage = ({ status, settled, confirmation }) =>
  settled && status !== "FAILED" ? "settled" : (confirmation ?? "");
