// The page: each item of the feed goes to the timeline of the selected transaction, the board and the bus.
import { board } from "./board.js";
import { onBus } from "./bus.js";
import { api, local, user } from "./calls.js";
import { $ } from "./dom.js";
import { faultButtons } from "./faults.js";
import { hideHistory, history } from "./history.js";
import { accounts, signedIn, summaryOf } from "./holdings.js";
import { now } from "./now.js";
import { orderForm } from "./order.js";
import { add, life } from "./steps.js";
import { isCreation, take, transactions } from "./transactions.js";

let selected = null;
let chosen = false; // by the user or by an order; until then the newest is shown
let drawing = null;

function choose(entry) {
  selected = entry;
  hideHistory();
  life(entry);
  later();
}

function pick(entry) {
  chosen = true;
  choose(entry);
  if (isNarrow()) $("life").scrollIntoView();
}

const isNarrow = () => !matchMedia("(min-width: 76rem)").matches;

// Many items arrive at once: draw each part once for all of them.
function later() {
  drawing ??= requestAnimationFrame(() => {
    drawing = null;
    board(selected, pick);
    now(selected);
    $("ask").hidden = $("what").hidden = !selected || selected.isAttempt;
  });
}

const complain = (error) => ($("line").textContent = error.message);

function onItem(item) {
  if (item.kind === "positions") return summaryOf(item.event);
  if (item.kind === "bus") {
    onBus(item, () => pick(transactions.get(item.transactionId)));
    if (/Linked|Conflict/.test(item.event["detail-type"]) && item.event.detail.notes === user())
      accounts().catch(complain);
  }
  const isKnown = transactions.size;
  const entry = take(item);
  if (!entry) return undefined;
  const isMine = item.kind === "api" && isCreation(item.event) && item.event.user === user();
  if (isMine) chosen = true;
  if (isMine || (!chosen && transactions.size > isKnown)) choose(entry);
  else if (entry === selected) add(item);
  return later();
}

function listen() {
  let run = null;
  const feed = new EventSource("feed");
  const line = (words, state) => {
    $("line").textContent = words;
    $("line").className = state;
  };
  feed.onopen = () => line("live", "good");
  feed.onerror = () => line("The product does not respond; retrying…", "bad");
  feed.onmessage = ({ data }) => onItem(JSON.parse(data));
  // Another run of the product has none of the data shown here.
  feed.addEventListener("run", ({ data }) => ((run ??= data) === data ? null : location.reload()));
}

$("who").addEventListener("submit", (event) => event.preventDefault());
$("user").addEventListener("change", () => signedIn().catch(complain));
orderForm(await local("settings"), () => isNarrow() && $("life").scrollIntoView());
faultButtons(() => (selected && !selected.isAttempt ? selected.id : null));
$("ask").addEventListener("click", () =>
  api("GET", `/transactions/${selected.id}?refresh=true`).catch(complain),
);
$("what").addEventListener("click", () => history(selected.id).catch(complain));
signedIn().catch(complain);
later();
listen();
