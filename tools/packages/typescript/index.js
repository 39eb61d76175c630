const SOURCE = "securities-transactions";

export function standing({ sequence, previousSequence }, last) {
  if (sequence <= last) return "repeat";
  return previousSequence <= last ? "next" : "gap";
}

export function exact(text) {
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && context && !/^-?\d+$/.test(context.source) ? context.source : value,
  );
}

export function isEvent(envelope) {
  const version = envelope?.detail?.schemaVersion;
  return envelope?.source === SOURCE && typeof version === "string" && version.startsWith("1.");
}
