// Payloads: a button for each, and below them the open one.
import { h } from "./dom.js";

// `entries`: [name, value] pairs; a value may be a function that fetches it. Returns the buttons and the area below.
export function payloads(...entries) {
  const below = h("div", { class: "payload", hidden: true });
  let open = null;
  const toggle = async (button, name, value) => {
    open?.setAttribute("aria-expanded", "false");
    open = open === button ? null : button;
    below.hidden = !open;
    if (!open) return;
    button.setAttribute("aria-expanded", "true");
    const shown = typeof value === "function" ? await value().catch((error) => error.message) : value;
    if (open === button)
      below.replaceChildren(h("pre", { tabindex: 0, role: "group", "aria-label": name }, lit(shown)));
  };
  const buttons = entries
    .filter(([, value]) => value != null)
    .map(([name, value]) =>
      h(
        "button",
        {
          type: "button",
          class: "peek",
          "aria-expanded": "false",
          onclick: ({ currentTarget }) => toggle(currentTarget, name, value),
        },
        name,
      ),
    );
  return [h("div", { class: "peeks" }, buttons), below];
}

// JSON as lines with highlighted keys.
function lit(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return text.split("\n").flatMap((line) => {
    const [, indent, key, rest] = /^(\s*)("(?:[^"\\]|\\.)*")(: .*)$/.exec(line) ?? [];
    return key ? [indent, h("span", { class: "key" }, key), `${rest}\n`] : [`${line}\n`];
  });
}
