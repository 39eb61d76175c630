// The page: what the feed tells goes to the life of the transaction that is shown, to the board and to the bus.
import { board, holdings, known, now } from "./board.js";
import { $, badge, h, payload, time } from "./dom.js";
import { faultButtons } from "./faults.js";
import { picture } from "./fills.js";
import { orderForm, served } from "./order.js";
import { isShown, step } from "./steps.js";

const MOST_ON_THE_BUS = 200;
const items = [];
const transactions = new Map();
let selected = null;
let drawing = null;

const about = (item) => item.transactionId ?? (item.event.asked?.length === 1 ? item.event.asked[0] : null);

function choose(id) {
  selected = id;
  $("steps").replaceChildren();
  items.filter((item) => about(item) === id && isShown(item)).forEach(show);
  draw();
}

// Newest first, by when it happened: the sources do not all tell at once.
function show(item) {
  const newer = [...$("steps").children].filter((shown) => shown.dataset.at > item.at);
  const added = step(item);
  added.dataset.at = item.at;
  if (newer.length) newer.at(-1).after(added);
  else $("steps").prepend(added);
}

// Many things happen at once: what is drawn as a whole is drawn once for all of them.
function later() {
  drawing ??= requestAnimationFrame(() => {
    drawing = null;
    draw();
  });
}

function draw() {
  const focused = document.activeElement?.closest("#board tr") && document.activeElement.textContent;
  board(transactions, selected, choose);
  if (focused) [...$("board").querySelectorAll("button")].find((button) => button.textContent === focused)?.focus();
  const entry = transactions.get(selected);
  now(entry);
  $("fills").replaceChildren(...picture(entry?.events ?? []));
}

function onBus({ at, event }) {
  const { detail } = event;
  $("bus").prepend(h("li", {}, h("time", { datetime: at }, time(at)), h("div", {}, h("p", {}, h("strong", {}, event["detail-type"]), " ", detail.status && badge(detail.status)),
    h("p", { class: "small" }, [detail.notes, detail.sequence && `revision ${detail.sequence}`, detail.needsConfirming && "being confirmed"].filter(Boolean).join(" · ")), payload("event", event))));
  while ($("bus").children.length > MOST_ON_THE_BUS) $("bus").lastChild.remove();
}

let holdingsTimer;
const holdingsSoon = (wait = 400) => {
  clearTimeout(holdingsTimer);
  holdingsTimer = setTimeout(() => holdings().catch((error) => ($("said").textContent = error.message)), wait);
};

function take(item) {
  items.push(item);
  const id = about(item);
  if (id && (item.transactionId || transactions.has(id))) {
    known(transactions, { ...item, transactionId: id });
    if (id === selected && isShown(item)) show(item);
  }
  if (item.kind === "bus") {
    onBus(item);
    if (/Settled|Linked|Conflict/.test(item.event["detail-type"])) holdingsSoon(1200);
  }
  later();
}

const settings = await served();
orderForm(settings, choose, () => {
  holdingsSoon();
  if (!matchMedia("(min-width: 62rem)").matches) $("life").scrollIntoView();
});
faultButtons(() => selected);
$("who").addEventListener("submit", (event) => event.preventDefault());
$("user").addEventListener("change", () => holdingsSoon(0));
holdingsSoon(0);
draw();
const feed = new EventSource("feed");
feed.onopen = () => ($("line").textContent = "live");
feed.onerror = () => ($("line").textContent = "the product does not answer; trying again…");
feed.onmessage = ({ data }) => take(JSON.parse(data));
