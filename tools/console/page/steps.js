// The timeline of a transaction: a step for each item, with its payloads and changes.
import { sim } from "./calls.js";
import { $, badge, h, rupees, time } from "./dom.js";
import { payloads } from "./payload.js";

export function life(entry) {
  $("steps").replaceChildren();
  entry?.items.forEach(add);
}

// Newest first, by the time of the event: the sources report with different delays.
export function add(item) {
  if (!isShown(item)) return;
  const made = { api: ofApi, bus: ofBus, gateway: isWebhook(item) ? ofWebhook : ofGateway }[item.kind](
    item.event,
  );
  const [buttons, below] = payloads(...made.payloads);
  const shown = h(
    "li",
    { class: `step ${made.tone ?? ""}`, "data-at": item.at },
    h("time", { datetime: item.at }, time(item.at)),
    h("span", { class: `source ${made.source}` }, made.source),
    h("div", {}, h("p", {}, made.line), made.about && h("p", { class: "hint" }, made.about), made.changes),
    buttons,
    below,
  );
  const newer = [...$("steps").children].filter((each) => each.dataset.at > item.at).at(-1);
  if (newer) newer.after(shown);
  else $("steps").prepend(shown);
}

const isWebhook = ({ kind, event }) => kind === "gateway" && event.kind === "webhook";

// A webhook is reported when it is written and when it was answered. The second report replaces the first.
const isShown = (item) => !isWebhook(item) || item.event.state !== "waiting" || item.event.sent;

const ofApi = ({ method, path, status, user, request, response }) => ({
  source: "app",
  tone: status < 400 ? "" : "bad",
  line: [
    h("strong", {}, `${method} ${path.replace(/TRX_\w+/, "…")}`),
    badge(String(status), status < 400 ? "plain" : "bad"),
  ],
  about: status < 400 ? `by ${user}` : [response?.title, response?.detail].filter(Boolean).join(": "),
  payloads: [
    ["request", request],
    ["answer", response],
  ],
});

const DID = {
  created: ["Transaction created", "requested by the backend"],
  "broker chosen": ["Broker chosen", "by the user"],
  "logged in": ["Logged in", "the user, at the broker"],
  confirmed: ["Order confirmed", "by the user"],
  placed: ["Orders placed", "with the broker"],
  fill: ["Fill", "at the exchange"],
  finish: ["An order ended", ""],
  watch: ["An order ended", ""],
  "cancelled by the user": ["Order cancelled", "by the user, at the broker"],
  reconciled: ["Orders reconciled", "by support"],
  closed: ["Window closed", "by the user"],
  errored: ["Flow ended with an error", ""],
  expired: ["Transaction expired", ""],
  pulled: ["Pulled", "the backend asked, over its own credentials"],
};

const ofGateway = (event) => {
  const [line, about] = DID[event.kind] ?? [event.kind, ""];
  const whole = () => sim("GET", `/transactions/${event.transactionId}`).then(({ request }) => request);
  return {
    source: "Gateway",
    tone: event.kind === "errored" ? "warn" : "",
    line: [h("strong", {}, line), event.batch && badge(event.batch)],
    about: [about, event.endpoint && `${event.endpoint} API`, event.broker].filter(Boolean).join(" · "),
    payloads: [event.kind === "created" ? ["request", whole] : ["entry", event]],
  };
};

// The backend's result for a webhook, from its response (docs/reference/guarantees.md). Only a genuine one gets 200.
const GENUINE = ["checksum genuine", "good"];
const OUTCOMES = {
  accepted: "New: shown as reported.",
  stored: "Suspicious: stored verbatim, changes nothing, and the backend pulls the Gateway.",
  duplicate: "Already known: changes nothing.",
  stale: "Older than the known state: changes nothing.",
};

function resultOf({ answer, said, state }) {
  if (state === "lost") return ["warn", null, "Lost: the backend never received it."];
  if (state === "held") return ["warn", null, "Held back before delivery."];
  if (answer == null) return ["bad", null, "Not delivered: the vendor's schedule retries it."];
  const document = parsed(said);
  if (answer === 401)
    return [
      "bad",
      [document.detail ?? "not verified", "bad"],
      "Rejected: nothing is stored.",
    ];
  if (answer !== 200) return ["bad", null, `Response ${answer}: the vendor's schedule retries it.`];
  return [document.status === "stored" ? "warn" : "", GENUINE, OUTCOMES[document.status] ?? document.status];
}

function parsed(said) {
  try {
    return JSON.parse(said ?? "{}");
  } catch {
    return { detail: said };
  }
}

function ofWebhook(event) {
  const [tone, seal, words] = resultOf(event);
  return {
    source: "webhook",
    tone,
    line: [
      h("strong", {}, event.label),
      event.origin !== "genuine" && badge(event.origin, "warn"),
      seal && badge(...seal),
    ],
    about: words,
    payloads: [
      ["body", event.body],
      [`answer ${event.answer ?? ""}`, event.said && parsed(event.said)],
    ],
  };
}

function ofBus(event) {
  const { detail } = event;
  const type = event["detail-type"];
  return {
    source: "bus",
    line: [
      h("strong", {}, type),
      detail.sequence && h("span", { class: "version" }, `version ${detail.sequence}`),
      detail.status && badge(detail.status),
      detail.confirmation && badge(detail.confirmation),
    ],
    about: ABOUT[type]?.(detail),
    changes: detail.changes?.length
      ? h(
          "ul",
          { class: "changes" },
          detail.changes.map((change) => h("li", {}, described(change))),
        )
      : null,
    payloads: [["event", event]],
  };
}

const unchanged = ({ changes, confirmation }) =>
  changes?.length ? "" : `No order changed; now ${confirmation}.`;
const ENDED = new Set(["COMPLETE", "PARTIAL", "REJECTED", "CANCELLED", "CANCELLED_AMO"]);
const ABOUT = {
  TransactionCreated: ({ expireAt }) => `The user can trade with it until ${time(expireAt)}.`,
  TransactionFailed: ({ reason, errorCode, errorMessage }) =>
    [reason, errorMessage, errorCode].filter(Boolean).join(" · "),
  OrdersProgressed: unchanged,
  OrdersSettled: unchanged,
  OrdersUnknown: ({ orders }) =>
    orders?.length && orders.every(({ status }) => ENDED.has(status))
      ? "The orders have ended as shown; something of them, such as a price, is missing: a person is asked."
      : "The Gateway cannot say what became of the orders: a person is asked.",
  OrdersRetracted: () => "What was reported is not so: the Gateway knows of no orders.",
  BrokerAccountLinked: ({ broker, smallcaseAuthId }) =>
    `${broker ?? "A broker"}'s account ${smallcaseAuthId} is now linked to this user.`,
  BrokerAccountConflict: ({ smallcaseAuthId }) =>
    `The account ${smallcaseAuthId} is linked to another user: the link did not change.`,
};

function described({
  tradingsymbol,
  transactionType,
  quantity,
  status,
  previousStatus,
  filledQuantity,
  previousFilledQuantity,
  averagePrice,
  errorCode,
  removed,
}) {
  const moved = (was, is) => (was == null || was === is ? `${is}` : `${was} → ${is}`);
  return [
    `${transactionType} ${tradingsymbol}`,
    removed ? "removed" : moved(previousStatus, status),
    `filled ${moved(previousFilledQuantity, filledQuantity)} of ${quantity}`,
    filledQuantity && averagePrice && `at ${rupees(averagePrice)}`,
    errorCode,
  ]
    .filter(Boolean)
    .join(" · ");
}
