// Calls every route through openapi-fetch with the generated types: a scenario as JSON comes in, what was answered goes
// out. It is compiled with tsc --strict, and run by tests/integration/test_clients.py.

import createClient from "openapi-fetch";
import type { components, paths } from "securities-transactions-client";

type Problem = components["schemas"]["Problem"];
type Message = components["schemas"]["Message"];

interface Scenario {
  api: string;
  token: string;
  operatorToken: string;
  transactionId: string;
  smallcaseAuthId: string;
  resolved: Record<string, unknown>;
  webhook: Record<string, unknown>;
  segment?: string;
}

interface Answer<Data> {
  data?: Data;
  error?: Problem | Message;
  response: Response;
}

const made: { operation: string; status: number; type: string | null }[] = [];
const NONE = "no-such-id";
const LONG = "x".repeat(300);

/** Keeps what was answered. `check` sees the typed document of a 2xx; an error has to be a problem or a message. */
async function call<Data>(operation: string, answered: Promise<Answer<Data>>, check?: (data: Data) => boolean) {
  const { data, error, response } = await answered;
  let type: string | null = null;
  if (check) {
    if (data === undefined || !check(data)) throw new Error(`${operation} ${response.status}: ${JSON.stringify(data)}`);
  } else if (response.status !== 204) {
    if (error === undefined) throw new Error(`${operation} ${response.status}: no error`);
    if ("type" in error) {
      type = error.type;
      if (error.status !== response.status || error.title === "" || error.detail === "") throw new Error(operation);
    } else if (typeof error.message !== "string") throw new Error(operation);
  }
  made.push({ operation, status: response.status, type });
}

async function main(scenario: Scenario) {
  const { transactionId, smallcaseAuthId, segment } = scenario;
  const baseUrl = scenario.api;
  const signedIn = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${scenario.token}` } });
  const operator = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${scenario.operatorToken}` } });
  const signedOut = createClient<paths>({ baseUrl });
  const order = (quantity = 1) => ({ securities: [{ ticker: "INFY", type: "BUY" as const, quantity }] });
  const at = (id: string) => ({ params: { path: { transactionId: id } } });

  /** Every step of a case; the transaction is none. */
  const steps = async (as: typeof signedIn) => {
    await call("openCase", as.POST("/cases/{transactionId}", { ...at(NONE), body: { text: "Differs." } }));
    await call("claimCase", as.POST("/cases/{transactionId}/claim", { ...at(NONE), body: {} }));
    await call("commentOnCase", as.POST("/cases/{transactionId}/comments", { ...at(NONE), body: { text: "Asked." } }));
    const body = { version: 1, orders: [], why: "None was placed.", restsOn: "tradebook" as const, reference: "1" };
    await call("resolveCase", as.POST("/cases/{transactionId}/resolution", { ...at(NONE), body }));
    await call("approveResolution", as.POST("/cases/{transactionId}/approval", { ...at(NONE), body: { proposalId: NONE } }));
  };

  if (segment === undefined) {
    await call("createTransaction", signedIn.POST("/transactions", { body: order() }), (created) => created.sdkToken.smallcaseAuthToken !== "");
    await call("createTransaction", signedIn.POST("/transactions", { body: order(0) }));
    await call("createTransaction", signedIn.POST("/transactions", { body: { ...order(), notes: "somebody-else" } }));
    await call("createTransaction", signedIn.POST("/transactions", { body: { ...order(), notes: "x".repeat(300_000) } }));
    await call("createTransaction", signedIn.POST("/transactions", { body: { ...order(), smallcaseAuthId: NONE } }));

    const refresh = (value: boolean) => ({ params: { path: { transactionId }, query: { refresh: value } } });
    const wrong = "perhaps" as unknown as boolean;
    await call("getTransaction", signedIn.GET("/transactions/{transactionId}", refresh(true)), (seen) => seen.transactionId === transactionId);
    await call("getTransaction", signedIn.GET("/transactions/{transactionId}", refresh(wrong)));
    await call("getTransaction", signedIn.GET("/transactions/{transactionId}", at(NONE)));
    await call("getOrders", signedIn.GET("/transactions/{transactionId}/orders", at(transactionId)), (seen) => seen.orders.every((each) => each.quantity > 0));
    await call("getOrders", signedIn.GET("/transactions/{transactionId}/orders", refresh(wrong)));
    await call("getOrders", signedIn.GET("/transactions/{transactionId}/orders", at(NONE)));
    await call("getHistory", signedIn.GET("/transactions/{transactionId}/history", at(transactionId)), (seen) => seen.items.every((each) => each.version > 0));
    await call("getHistory", signedIn.GET("/transactions/{transactionId}/history", { params: { path: { transactionId }, query: { limit: 0 } } }));
    await call("getHistory", signedIn.GET("/transactions/{transactionId}/history", at(NONE)));

    const listed = (query: { limit?: number; notes?: string }) => signedIn.GET("/orders", { params: { query } });
    await call("listOrders", listed({ limit: 1 }), (page) => page.items.length === 1);
    await call("listOrders", listed({ limit: 0 }));
    await call("listOrders", listed({ notes: "somebody-else" }));

    await call("listCases", operator.GET("/cases"), (page) => page.items.every((each) => each.since !== ""));
    await call("listCases", operator.GET("/cases", { params: { query: { limit: 0 } } }));
    await call("listCases", signedIn.GET("/cases"));

    await steps(operator);
    await steps(signedIn);

    const sdk = (id: string, body: components["schemas"]["SdkResponse"]) =>
      signedIn.POST("/transactions/{transactionId}/sdk-response", { ...at(id), body });
    await call("acceptSdkResponse", sdk(transactionId, { resolved: scenario.resolved }), (seen) => !("message" in seen));
    await call("acceptSdkResponse", sdk(transactionId, { resolved: { transactionId: NONE } }));
    await call("acceptSdkResponse", sdk(NONE, { rejected: "user_cancelled" }));

    const token = (body: components["schemas"]["TokenRequest"]) =>
      signedIn.POST("/sdk-tokens", { body });
    await call("issueSdkToken", token({}), (issued) => issued.smallcaseAuthToken !== "");
    await call("issueSdkToken", token({ notes: LONG }));
    await call("issueSdkToken", token({ notes: "somebody-else" }));
    await call("issueSdkToken", token({ connect: "connected", smallcaseAuthId: NONE }));

    const accounts = (query: { notes?: string }) => signedIn.GET("/accounts", { params: { query } });
    const forget = (id: string, query: { notes?: string }) =>
      signedIn.DELETE("/accounts/{smallcaseAuthId}", { params: { path: { smallcaseAuthId: id }, query } });
    await call("listAccounts", accounts({}), (page) => page.items.some((each) => each.smallcaseAuthId === smallcaseAuthId));
    await call("listAccounts", accounts({ notes: LONG }));
    await call("listAccounts", accounts({ notes: "somebody-else" }));
    await call("forgetAccount", forget(smallcaseAuthId, {}));
    await call("forgetAccount", forget(NONE, {}));
    await call("forgetAccount", forget(NONE, { notes: LONG }));
    await call("forgetAccount", forget(NONE, { notes: "somebody-else" }));
    await call("ingestWebhook", signedOut.POST("/webhooks/orders", { body: scenario.webhook }), (outcome) => outcome.status !== "");
  } else {
    const path = { segment };
    const webhook = signedOut.POST("/webhooks/orders/{segment}", { params: { path }, body: scenario.webhook });
    await call("ingestWebhookAtSegment", webhook, (outcome) => outcome.status !== "");
  }

  await call("createTransaction", signedOut.POST("/transactions", { body: order() }));
  await call("getTransaction", signedOut.GET("/transactions/{transactionId}", at(NONE)));
  await call("getOrders", signedOut.GET("/transactions/{transactionId}/orders", at(NONE)));
  await call("getHistory", signedOut.GET("/transactions/{transactionId}/history", at(NONE)));
  await steps(signedOut);
  await call("listCases", signedOut.GET("/cases"));
  await call("listOrders", signedOut.GET("/orders"));
  await call("acceptSdkResponse", signedOut.POST("/transactions/{transactionId}/sdk-response", { ...at(NONE), body: { rejected: "user_cancelled" } }));
  await call("issueSdkToken", signedOut.POST("/sdk-tokens", { body: {} }));
  await call("listAccounts", signedOut.GET("/accounts"));
  await call("forgetAccount", signedOut.DELETE("/accounts/{smallcaseAuthId}", { params: { path: { smallcaseAuthId: NONE } } }));
  await call("ingestWebhook", signedOut.POST("/webhooks/orders", { body: { checksum: "forged" } }));
  await call("ingestWebhookAtSegment", signedOut.POST("/webhooks/orders/{segment}", { params: { path: { segment: NONE } }, body: {} }));
  console.log(JSON.stringify(made));
}

async function scenarioOf(input: AsyncIterable<unknown>): Promise<Scenario> {
  let text = "";
  for await (const part of input) text += String(part);
  return JSON.parse(text);
}

declare const process: { stdin: AsyncIterable<unknown> };
await main(await scenarioOf(process.stdin));
