// A drop-in for the vendor's SDK, served by the simulator (docs/reference/gateway.md §8): window.scDK.
(() => {
  "use strict";
  // The simulator writes its own address here: a module or a bundle has no script element to read it from.
  const origin = "ORIGIN";
  if (window.scDK?.simulator) return; // a component that mounts again adds the script again: the first one stays
  const POLLS = 15;
  const POLL_MS = 2000;
  const CLOSED_MS = 200;
  const SIZE = "popup,width=480,height=760";
  // What public clients call and the simulator does not have.
  const UNSERVED = ["connect", "openSmallplug", "triggerSmallcaseOrder"];
  const FLOW = `${origin}/scdk/2.0.0/flow.html`;
  let instance = null;

  // The error of the promise: `message` as documented, and the code if the vendor has one.
  const failure = (message, code = null, data = null) =>
    Object.assign(new Error(message), { success: false, code, errorCode: code, data });

  // `userData` is an older name of the token.
  const named = ({ userData, ...options }) =>
    userData && !options.smallcaseAuthToken ? { ...options, smallcaseAuthToken: userData } : options;

  const dialogOf = (label) => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", label);
    dialog.className = "scdk";
    dialog.style.cssText = "border:0;padding:0;margin:auto;background:Canvas;color:CanvasText;border-radius:12px;";
    return dialog;
  };

  class ScDK {
    static simulator = origin;
    #options = {};
    #csrf = null;
    #session = null; // the promise of initSession's response
    #running = false;

    constructor(options = {}) {
      if (instance) return instance; // one SDK per page: the first stays
      instance = this;
      this.#options = named(options);
      this.#session = this.#open();
      this.#session.catch(() => {}); // reported by the next triggerTransaction
    }

    // Restarts for another user. Omitted keys keep their values.
    init(options = {}) {
      const { config, ...rest } = named(options);
      Object.assign(this.#options, rest);
      if (config) this.#options.config = { ...this.#options.config, ...config };
      this.#session = this.#open();
      return this.#session.then(() => ({ success: true }));
    }

    setSmallcaseAuthToken(smallcaseAuthToken) {
      return this.init({ smallcaseAuthToken });
    }

    brokerLogout() {
      return Promise.resolve({ success: true });
    }

    async triggerTransaction({ transactionId, brokers } = {}) {
      if (this.#running) throw failure("transaction_in_process");
      this.#running = true;
      try {
        const session = await this.#session;
        await this.#mayStart(transactionId);
        const test = this.#options.config?.leprechaunEnabled;
        const offered = session.brokers
          .filter(({ key, testAccounts }) => (!brokers?.length || brokers.includes(key)) && (!test || testAccounts))
          .map(({ key, name }) => (test ? { key: `${key}-leprechaun`, name: `${name} (test)` } : { key, name }));
        if (!offered.length) throw failure("no_broker", 1008);
        await this.#show(session.window, {
          transactionId,
          brokers: offered,
          linked: session.broker && (test ? `${session.broker}-leprechaun` : session.broker),
          amo: Boolean(this.#options.config?.amo),
        });
        return await this.#outcome(transactionId);
      } finally {
        this.#running = false;
      }
    }

    async #open() {
      const { gateway, smallcaseAuthToken } = this.#options;
      if (!gateway) throw failure("invalid_gateway", 100);
      if (!smallcaseAuthToken) throw failure("invalid_user_data");
      const { status, body } = await this.#call("POST", "initSession", { sdkToken: smallcaseAuthToken });
      if (status === 404) throw failure("invalid_gateway", 100);
      if (!body.success) throw failure("invalid_jwt", 90);
      this.#csrf = body.data.csrf;
      return body.data;
    }

    // An id is single-use, and useless once expired.
    async #mayStart(transactionId) {
      if (!transactionId) throw failure("invalid_transactionId", 3002);
      const { body } = await this.#call("GET", `transaction?${new URLSearchParams({ transactionId })}`);
      if (!body.success) throw failure("invalid_transactionId", 3002);
      const { status, expired } = body.data;
      if (expired || status !== "INITIALIZED") throw failure("transaction_expired", 3001, { transactionId });
    }

    // The Gateway's screens, until the user is through, leaves, or closes their window.
    #show(kind, start) {
      return kind === "overlay" ? this.#overlay(start) : this.#separate(kind, start);
    }

    // Talks with the screens in `there`; `over` is called when they are done.
    #talk(there, start, over) {
      const onMessage = ({ source, origin: from, data }) => {
        if (source !== there() || from !== origin) return;
        if (data?.scdk === "ready") {
          source.postMessage({ scdk: "start", gateway: this.#options.gateway, csrf: this.#csrf, ...start }, origin);
          source.focus();
        }
        if (data?.scdk === "done") over();
      };
      window.addEventListener("message", onMessage);
      return () => window.removeEventListener("message", onMessage);
    }

    #overlay(start) {
      const dialog = dialogOf("Order with your broker");
      dialog.style.cssText +=
        "width:min(32rem,100vw);height:min(46rem,100dvh);max-width:100vw;max-height:100dvh;overflow:hidden";
      const frame = document.createElement("iframe");
      frame.title = "smallcase Gateway (simulator)";
      frame.src = FLOW;
      frame.style.cssText = "border:0;width:100%;height:100%;display:block";
      dialog.append(frame);
      document.body.append(dialog);
      const before = document.activeElement;
      return new Promise((resolve) => {
        const hush = this.#talk(() => frame.contentWindow, start, () => {
          hush();
          dialog.close();
          dialog.remove();
          before?.focus?.();
          resolve();
        });
        dialog.addEventListener("cancel", (event) => {
          event.preventDefault(); // Escape: the page inside has the current stage
          frame.contentWindow.postMessage({ scdk: "leave" }, origin);
        });
        dialog.showModal();
      });
    }

    // In a window of its own, which the browser may block and the user may close: the Gateway then receives nothing.
    async #separate(kind, start) {
      const open = () => window.open(FLOW, "_blank", kind === "popup" ? SIZE : undefined);
      const there = open() ?? (await this.#afterBlock(open));
      if (there === null) {
        const left = { transactionId: start.transactionId, status: "ERRORED", errorCode: 1010 };
        await this.#call("POST", "transaction/markErrored", { ...left, errorMessage: "user_cancelled" });
        return;
      }
      await new Promise((resolve) => {
        let timer = 0;
        const over = () => {
          clearInterval(timer);
          hush();
          there.close();
          resolve();
        };
        const hush = this.#talk(() => there, start, over);
        timer = setInterval(() => there.closed && over(), CLOSED_MS);
      });
    }

    // The window was blocked: a click of the user's may open it. Resolves with it, or with null where the user cancels.
    #afterBlock(open) {
      const dialog = dialogOf("Your browser blocked a window");
      dialog.style.padding = "1.5rem";
      const text = document.createElement("p");
      text.textContent = "Your browser blocked the window of your broker.";
      const button = (label) => Object.assign(document.createElement("button"), { type: "button", textContent: label });
      const again = button("Open it");
      const cancel = button("Cancel");
      dialog.append(text, again, " ", cancel);
      document.body.append(dialog);
      return new Promise((resolve) => {
        const over = (value) => {
          dialog.close();
          dialog.remove();
          resolve(value);
        };
        again.addEventListener("click", () => {
          const there = open();
          if (there) over(there);
        });
        cancel.addEventListener("click", () => over(null));
        dialog.addEventListener("cancel", (event) => {
          event.preventDefault();
          over(null);
        });
        dialog.showModal();
      });
    }

    // §6.3: an order that is being placed is polled 15 times, 2 s apart.
    async #outcome(transactionId) {
      for (let polls = 0; ; polls += 1) {
        const query = new URLSearchParams({ transactionId, polledOut: String(polls >= POLLS) });
        const { body } = await this.#call("GET", `flow/result?${query}`);
        if (!body.success) throw failure("internal_error", 2000, { transactionId });
        const { outcome, value } = body.data;
        if (outcome === "resolve") return value;
        if (outcome === "reject") throw failure(value.message, value.code, value.data);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }

    async #call(method, path, content) {
      const { gateway } = this.#options;
      try {
        const answer = await fetch(`${origin}/gateway/${encodeURIComponent(gateway)}/${path}`, {
          method,
          headers: {
            "content-type": "application/json",
            "x-sc-gateway": gateway,
            ...(this.#csrf && { "x-sc-csrf": this.#csrf }),
          },
          body: content && JSON.stringify(content),
        });
        return { status: answer.status, body: await answer.json() };
      } catch {
        throw failure("internal_error", 2000);
      }
    }
  }

  for (const name of UNSERVED) {
    ScDK.prototype[name] = () => Promise.reject(failure(`${name} is not simulated`));
  }
  window.scDK = ScDK;
})();
