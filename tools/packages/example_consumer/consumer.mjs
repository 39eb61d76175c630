// A consumer in Node: a ledger of what each user traded. It deduplicates, tolerates any order of arrival, books only
// settled orders, and replaces what a correction changes. Lambda calls `handler` with a batch from an SQS queue.
import { exact, isEvent, standing } from "securities-transactions-events";

/** The rupees in a decimal text, in millionths; prices of up to twelve places are rounded half to even at the last. */
export function millionths(text) {
  const [, sign, whole, fraction = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(text));
  const digits = fraction.padEnd(12, "0");
  const value = BigInt(whole + digits.slice(0, 6));
  const rest = BigInt(digits.slice(6, 12));
  const half = 500000n;
  const up = rest > half || (rest === half && value % 2n === 1n) ? 1n : 0n;
  return (sign ? -1n : 1n) * (value + up);
}

/** Millionths of rupees as text, to the paisa. */
export function rupees(amount) {
  const sign = amount < 0n ? "-" : "";
  const paise = ((amount < 0n ? -amount : amount) + 5000n) / 10000n;
  return `${sign}${paise / 100n}.${String(paise % 100n).padStart(2, "0")}`;
}

/** What the orders of a settled transaction came to: shares and millionths of rupees by tradingsymbol. */
export function legsOf({ transactionId, orders }) {
  if (orders === undefined) throw new Error(`${transactionId}: the orders are left out, read them at readAt`);
  const legs = new Map();
  for (const { tradingsymbol, transactionType, filledQuantity = 0, averagePrice } of orders) {
    if (filledQuantity === 0 || averagePrice === undefined) continue; // an event with the price comes later
    const sign = { BUY: 1, SELL: -1 }[transactionType];
    if (sign === undefined) throw new Error(`${tradingsymbol}: neither bought nor sold`);
    const leg = legs.get(tradingsymbol) ?? { shares: 0, spent: 0n };
    leg.shares += sign * filledQuantity;
    leg.spent += BigInt(sign * filledQuantity) * millionths(averagePrice);
    legs.set(tradingsymbol, leg);
  }
  return legs;
}

/** Books in a database of `node:sqlite`: what is booked and the sequence it came with move in one SQL transaction. */
export class Ledger {
  constructor(database) {
    this.database = database;
    database.exec(`
      CREATE TABLE IF NOT EXISTS booked (transactionId TEXT PRIMARY KEY, sequence INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS leg (transactionId TEXT, notes TEXT, tradingsymbol TEXT, shares INTEGER, spent TEXT,
        PRIMARY KEY (transactionId, tradingsymbol));`);
  }

  lastSequence(transactionId) {
    return this.database.prepare("SELECT sequence FROM booked WHERE transactionId = ?").get(transactionId)?.sequence ?? 0;
  }

  /** Book a settled transaction; what an earlier event of it booked is replaced. */
  book(detail) {
    const legs = legsOf(detail);
    const { transactionId, notes, sequence } = detail;
    this.database.exec("BEGIN IMMEDIATE");
    try {
      if (standing(detail, this.lastSequence(transactionId)) !== "repeat") {
        this.database.prepare("DELETE FROM leg WHERE transactionId = ?").run(transactionId);
        const insert = this.database.prepare("INSERT INTO leg VALUES (?, ?, ?, ?, ?)");
        for (const [symbol, { shares, spent }] of legs) insert.run(transactionId, notes, symbol, shares, String(spent));
        this.database.prepare("INSERT OR REPLACE INTO booked VALUES (?, ?)").run(transactionId, sequence);
      }
      this.database.exec("COMMIT");
    } catch (error) {
      this.database.exec("ROLLBACK");
      throw error;
    }
  }

  /** What a user traded of each security through this product. */
  positions(notes) {
    const positions = new Map();
    for (const { tradingsymbol, shares, spent } of this.database.prepare("SELECT * FROM leg WHERE notes = ?").all(notes)) {
      const position = positions.get(tradingsymbol) ?? { shares: 0, spent: 0n };
      positions.set(tradingsymbol, { shares: position.shares + shares, spent: position.spent + BigInt(spent) });
    }
    return Object.fromEntries([...positions].map(([symbol, { shares, spent }]) => [symbol, { shares, spent: rupees(spent) }]));
  }
}

/** Handle one event; types that this code does not know, and other states than settled, are passed over. */
export function handle(envelope, ledger) {
  if (!isEvent(envelope)) throw new Error("not an event of this product, or of a version that is not known");
  if (envelope["detail-type"] === "OrdersSettled") ledger.book(envelope.detail);
}

/** Lambda's handler over a ledger: only the messages that failed come again. */
export const makeHandler = (ledger) => async ({ Records }) => {
  const batchItemFailures = [];
  for (const { messageId, body } of Records) {
    try {
      handle(exact(body), ledger);
    } catch (error) {
      console.error(JSON.stringify({ message: "an event failed", messageId, reason: error.message }));
      batchItemFailures.push({ itemIdentifier: messageId });
    }
  }
  return { batchItemFailures };
};
