// Every event on the bus, as any consumer gets it.
import { $, badge, h, time } from "./dom.js";
import { payloads } from "./payload.js";

const MOST = 200;

export function onBus({ at, event }, shown) {
  const { detail } = event;
  const about = [detail.confirmation, detail.sequence && `rev. ${detail.sequence}`].filter(Boolean).join(" · ");
  const [buttons, below] = payloads(["event", event]);
  const name = detail.transactionId
    ? h("button", { type: "button", class: "link", onclick: shown }, event["detail-type"])
    : h("b", {}, event["detail-type"]);
  $("bus").prepend(h("li", { class: detail.schemaVersion ? "" : "internal" },
    h("p", {}, name), h("time", { datetime: at }, time(at)),
    h("p", { class: "hint" }, detail.status && badge(detail.status), " ", detail.schemaVersion ? about : "the backend's own, to itself"), buttons, below));
  while ($("bus").children.length > MOST) $("bus").lastChild.remove();
}
