// What the screens are made of.

/** An element with properties (attributes that are none, such as role, too) and children. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** An input under its label. */
export const field = (text, input) => el("label", {}, text, input);

/** Rupees as people read them. */
export const rupees = (amount) =>
  `₹${Number(amount).toLocaleString("en-IN", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;

/** Shows one screen; its heading takes the focus, so that a screen reader reads on from there. */
export function screen(title, about, ...content) {
  const heading = el("h1", { tabIndex: -1 }, title);
  const main = document.getElementById("main");
  main.replaceChildren(heading, ...(about ? [el("p", {}, about)] : []), ...content);
  main.setAttribute("aria-busy", "false");
  document.getElementById("notice").textContent = "";
  heading.focus();
}
