// A drop-in for the vendor's SDK, served by the simulator (docs/reference/gateway.md §8): window.scDK.
(() => {
  "use strict";
  const origin = new URL(document.currentScript.src).origin;
  const POLLS = 15;
  const POLL_MS = 2000;
  let instance = null;

  // What the promise rejects with: `message` as documented, the code where the vendor has one.
  const failure = (message, code = null, data = null) =>
    Object.assign(new Error(message), { success: false, code, errorCode: code, data });

  class ScDK {
    #options = {};
    #csrf = null;
    #session = null; // the promise of initSession's answer
    #running = false;

    constructor(options = {}) {
      if (instance) return instance; // one SDK per page: the first stays
      instance = this;
      this.#options = { ...options };
      this.#session = this.#open();
      this.#session.catch(() => {}); // told by the next triggerTransaction
    }

    // Begins anew for another user; keys that are left out stay.
    init(options = {}) {
      const { config, ...rest } = options;
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
        await this.#show({
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

    // The Gateway's screens, until the user is through or leaves.
    #show(start) {
      const dialog = document.createElement("dialog");
      dialog.setAttribute("aria-label", "Order with your broker");
      dialog.className = "scdk";
      dialog.style.cssText =
        "border:0;padding:0;margin:auto;width:min(32rem,100vw);height:min(46rem,100dvh);max-width:100vw;max-height:100dvh;background:Canvas;border-radius:12px;overflow:hidden";
      const frame = document.createElement("iframe");
      frame.title = "smallcase Gateway (simulator)";
      frame.src = `${origin}/scdk/2.0.0/flow.html`;
      frame.style.cssText = "border:0;width:100%;height:100%;display:block";
      dialog.append(frame);
      document.body.append(dialog);
      const before = document.activeElement;
      return new Promise((resolve) => {
        const hear = ({ source, origin: from, data }) => {
          if (source !== frame.contentWindow || from !== origin) return;
          if (data?.scdk === "ready") {
            frame.contentWindow.postMessage(
              { scdk: "start", gateway: this.#options.gateway, csrf: this.#csrf, ...start },
              origin,
            );
            frame.focus();
          }
          if (data?.scdk === "done") {
            window.removeEventListener("message", hear);
            dialog.close();
            dialog.remove();
            before?.focus?.();
            resolve();
          }
        };
        window.addEventListener("message", hear);
        dialog.addEventListener("cancel", (event) => {
          event.preventDefault(); // Escape: the page inside knows at which stage it is left
          frame.contentWindow.postMessage({ scdk: "leave" }, origin);
        });
        dialog.showModal();
      });
    }

    // §6.3: an order that is being placed is looked at 15 times, 2 s apart.
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

  window.scDK = ScDK;
})();
