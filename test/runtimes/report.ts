/** What the suite has found in a runtime; it comes out of there as JSON. */
export interface Report {
  readonly passed: number;
  /** What was asked, expected and got. */
  readonly failures: readonly string[];
}

export function reportOf(json: string): Report {
  const report: unknown = JSON.parse(json);
  if (!isReport(report)) throw new Error(`there is no report in ${json.slice(0, 1000)}`);
  return report;
}

function isReport(thing: unknown): thing is Report {
  const { passed, failures }: { passed?: unknown; failures?: unknown } = Object(thing);
  return typeof passed === "number" && Array.isArray(failures) && passed + failures.length > 0;
}
