// The page: each item of the feed goes to the timeline of the selected transaction, the board and the bus.
import { board } from "./board.js";
import { onBus } from "./bus.js";
import { api, local, TAB, user } from "./calls.js";
import { $, h } from "./dom.js";
import { faultButtons } from "./faults.js";
import { hideHistory, history } from "./history.js";
import { accounts, signedIn, summaryOf } from "./holdings.js";
import { now } from "./now.js";
import { busy, orderForm, resumption } from "./order.js";
import { add, life } from "./steps.js";
import { fill, isCreation, known, newest, take, transactions } from "./transactions.js";

const REDRAW_MILLISECONDS = 150;
let selected = null;
let chosen = false; // by the user or by an order of this tab; until then the user's newest is shown
let drawing = null;

// What this tab shows survives a reload of it.
const remembered = (name) => sessionStorage.getItem(`console ${name}`);
const remember = (name, value) => sessionStorage.setItem(`console ${name}`, value);

function choose(entry) {
  selected = entry;
  hideHistory();
  life(entry);
  later();
  if (!entry || entry.isAttempt) return;
  if (chosen) remember("transaction", entry.id);
  older(entry).catch(complain);
}

// The items from before this page was opened, and the state if none of them shows it.
async function older(entry) {
  const batch = entry.batchId ? `?batch=${encodeURIComponent(entry.batchId)}` : "";
  const { items } = await local(`steps/${encodeURIComponent(entry.id)}${batch}`);
  fill(entry, items);
  if (!entry.items.some(({ kind, event }) => kind === "api" && isCreation(event)))
    known(await local(`state/${encodeURIComponent(entry.id)}`));
  if (entry !== selected) return;
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
  drawing ??= setTimeout(() => {
    drawing = null;
    board(selected, pick, later);
    now(selected);
    $("ask").hidden = $("what").hidden = !selected || selected.isAttempt;
    offer(selected);
  }, REDRAW_MILLISECONDS);
}

let offered = "";

// Buttons for the user's next step, for the user's own transaction that is not final.
function offer(entry) {
  const isOpen = entry && !entry.isAttempt && entry.status !== null && !entry.isFinal && entry.user === user();
  const wanted = isOpen ? `${entry.id} ${entry.sequence} ${entry.items.length}` : "";
  if (wanted === offered) return;
  offered = wanted;
  if (!wanted) return $("resume").replaceChildren();
  return resumption(entry)
    .then((ways) => {
      if (wanted !== offered) return;
      $("resume").replaceChildren(
        ...ways.map(([name, work]) => h("button", { type: "button", class: "quiet", onclick: () => busy(work) }, name)),
      );
    })
    .catch(({ message }) =>
      $("resume").replaceChildren(h("span", { class: "hint" }, `The simulator does not have it: ${message}`)),
    );
}

const complain = (error) => ($("line").textContent = error.message);

function onItem(item) {
  if (item.kind === "positions") return summaryOf(item.event);
  if (item.kind === "bus") {
    onBus(item, () => pick(transactions.get(item.transactionId)));
    if (/Linked|Conflict/.test(item.event["detail-type"]) && item.event.detail.notes === user())
      accounts().catch(complain);
  }
  const before = transactions.size;
  const entry = take(item);
  if (!entry) return undefined;
  // Another tab may be signed in as the same user: its orders are on the board, and not taken for this tab's.
  const isMine = item.kind === "api" && isCreation(item.event) && item.event.tab === TAB;
  if (isMine) chosen = true;
  const isNew = transactions.size > before || item.kind === "api";
  if (isMine || (!chosen && isNew && entry.user === user())) choose(entry);
  else if (entry === selected) add(item);
  return later();
}

// The user's newest orders, from the API: also those from before the console was started.
async function ownOrders() {
  const whose = user();
  const { items } = await api("GET", "/orders?limit=50");
  if (whose !== user()) return;
  items.forEach(known);
  const mine = remembered("user") === whose && transactions.get(remembered("transaction"));
  if (!chosen) choose(mine || newest(1, (entry) => entry.user === whose)[0] || null);
  later();
}

async function signIn() {
  if (!user()) return;
  if (remembered("user") !== user()) {
    chosen = false;
    sessionStorage.removeItem("console transaction");
    choose(null);
  }
  remember("user", user());
  await Promise.all([signedIn(), ownOrders()]);
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
$("user").value = remembered("user") ?? $("user").value;
$("user").addEventListener("change", () => signIn().catch(complain));
orderForm(await local("settings"), () => isNarrow() && $("life").scrollIntoView());
faultButtons(() => (selected && !selected.isAttempt ? selected.id : null));
$("ask").addEventListener("click", () =>
  api("GET", `/transactions/${selected.id}?refresh=true`).catch(complain),
);
$("what").addEventListener("click", () => history(selected.id).catch(complain));
signIn().catch(complain);
later();
listen();
