/** One series of a metric: labels and a number. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric as it is printed. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly lines: readonly string[];
}

/** A number that only grows, by labels. */
export class Counter {
  readonly #series = new Map<string, Series>();

  add(labels: Readonly<Record<string, string>> = {}, by = 1): void {
    const key = labelText(labels);
    this.#series.set(key, { labels, value: (this.#series.get(key)?.value ?? 0) + by });
  }

  /** Lines of a metric; a counter without labels is there from the start. */
  lines(name: string): readonly string[] {
    return seriesLines(name, [...this.#series.values()]);
  }
}

/** How often something took how long, by labels. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #series = new Map<
    string,
    {
      readonly labels: Readonly<Record<string, string>>;
      readonly counts: number[];
      sum: number;
      count: number;
    }
  >();

  /** @param bounds - Upper bounds in seconds, ascending; those of Prometheus' clients when left out. */
  constructor(bounds: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]) {
    this.#bounds = bounds;
  }

  /** @param seconds - How long it took. */
  observe(seconds: number, labels: Readonly<Record<string, string>> = {}): void {
    const key = labelText(labels);
    const series = this.#series.get(key) ?? { labels, counts: this.#bounds.map(() => 0), sum: 0, count: 0 };
    for (const [at, bound] of this.#bounds.entries()) {
      if (seconds <= bound) series.counts[at] = (series.counts[at] ?? 0) + 1;
    }
    series.sum += seconds;
    series.count += 1;
    this.#series.set(key, series);
  }

  lines(name: string): readonly string[] {
    return [...this.#series]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, { labels, counts, sum, count }]) => [
        ...this.#bounds.map((bound, at) =>
          bucketLine(name, { labels, bound: String(bound), count: counts[at] ?? 0 }),
        ),
        bucketLine(name, { labels, bound: "+Inf", count }),
        `${name}_sum${labelText(labels)} ${sum}`,
        `${name}_count${labelText(labels)} ${count}`,
      ]);
  }
}

/** Lines of a metric whose numbers are known at the moment of asking, sorted as Prometheus' clients sort them. */
function seriesLines(name: string, series: readonly Series[]): readonly string[] {
  return series.map(({ labels, value }) => `${name}${labelText(labels)} ${value}`).toSorted();
}

/** The page that Prometheus reads: text format 0.0.4, metrics sorted by name. */
export function metricsText(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ lines }) => lines.length > 0)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, help, type, lines }) =>
      [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n"),
    )
    .join("");
}

function bucketLine(
  name: string,
  { labels, bound, count }: { labels: Readonly<Record<string, string>>; bound: string; count: number },
): string {
  // `le` comes last, whatever the others are called.
  const text = labelText(labels);
  const open = text === "" ? "{" : `${text.slice(0, -1)},`;
  return `${name}_bucket${open}le="${bound}"} ${count}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

/** Numbers that go up and down. */
export function gauge(name: string, help: string, series: readonly Series[]): Metric {
  return { name, help, type: "gauge", lines: seriesLines(name, series) };
}

/** Numbers that only grow. */
export function counter(name: string, help: string, values: Counter): Metric {
  return { name, help, type: "counter", lines: values.lines(name) };
}

/** Numbers in buckets. */
export function histogram(name: string, help: string, values: Histogram): Metric {
  return { name, help, type: "histogram", lines: values.lines(name) };
}
