// Every event on the bus, as a consumer receives it.
import { $, badge, h, time } from "./dom.js";
import { payloads } from "./payload.js";

const MOST = 200;

export function onBus({ at, event }, shown) {
  const { detail } = event;
  const isPublic = Boolean(detail.schemaVersion);
  const [buttons, below] = payloads(["event", event]);
  const name = detail.transactionId
    ? h("button", { type: "button", class: "link", onclick: shown }, event["detail-type"])
    : h("b", {}, event["detail-type"]);
  $("bus").prepend(
    h(
      "li",
      { class: isPublic ? "" : "internal" },
      h("p", {}, name, " ", detail.sequence && h("span", { class: "hint" }, `v${detail.sequence}`)),
      h("time", { datetime: at }, time(at)),
      h(
        "p",
        { class: "hint" },
        detail.status && badge(detail.status),
        " ",
        isPublic ? detail.confirmation : "the backend's own, to itself",
      ),
      buttons,
      below,
    ),
  );
  while ($("bus").children.length > MOST) $("bus").lastChild.remove();
}
