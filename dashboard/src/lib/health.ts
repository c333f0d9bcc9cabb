// What /metrics tells, in Prometheus' format, read as far as the health page needs it.

export type Metrics = ReadonlyMap<string, number>;

/** The sum of each metric over its labels. */
export function parse(text: string): Metrics {
	const sums = new Map<string, number>();
	for (const line of text.split('\n')) {
		const found = /^([a-z_]+)(?:\{[^}]*\})? ([-+\d.eE]+)$/i.exec(line);
		if (found) sums.set(found[1]!, (sums.get(found[1]!) ?? 0) + Number(found[2]));
	}
	return sums;
}

/** One label's values of a metric, such as those of each outcome. */
export function byLabel(text: string, metric: string, label: string): [string, number][] {
	const found = new Map<string, number>();
	for (const line of text.split('\n')) {
		const parts = /^([a-z_]+)\{([^}]*)\} ([-+\d.eE]+)$/i.exec(line);
		const value = parts?.[1] === metric ? new RegExp(`(?:^|,)${label}="([^"]*)"`).exec(parts[2]!) : null;
		if (value) found.set(value[1]!, (found.get(value[1]!) ?? 0) + Number(parts![3]));
	}
	return [...found].filter(([, count]) => count > 0).sort((one, other) => other[1] - one[1]);
}
