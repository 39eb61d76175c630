// The elements of the screens.

/** An element with properties (and attributes without a property, such as role) and children. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** An input with its label. */
export const field = (text, input) => el("label", {}, text, input);

/** An amount in rupees, formatted for people. */
export const rupees = (amount) =>
  `₹${Number(amount).toLocaleString("en-IN", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;

/** Shows one screen. Its heading gets the focus, so that a screen reader continues there. */
export function screen(title, about, ...content) {
  const heading = el("h1", { tabIndex: -1 }, title);
  const main = document.getElementById("main");
  main.replaceChildren(heading, ...(about ? [el("p", {}, about)] : []), ...content);
  main.setAttribute("aria-busy", "false");
  document.getElementById("notice").textContent = "";
  heading.focus();
}
