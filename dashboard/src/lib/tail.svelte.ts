// A log that is followed: which of its lines are shown, and where those before them begin. No line comes twice, and none is left out between
// two others: all lines of an invocation are recorded at once, so that what is known of it is all or nothing.
import type { Schemas } from './api/client';

export type Line = Schemas['LogEntry'];

/** Lines that are kept while one follows the end, and while one reads further up. */
const MOST = 2_000;
const MOST_READ = 10_000;

export class Tail {
	lines = $state.raw<readonly Line[]>([]);
	/** Lines that came while it was paused. */
	held = $state(0);
	paused = $state(false);
	/** Where the lines before the first one are asked for: from an invocation on, or, without one, from the newest. */
	earlier = $state.raw<{ before?: string } | undefined>();
	#waiting: Line[] = [];
	/** Whose lines are here, and whether they came with the stream: then more of them may come. */
	#known = new Map<string, 'page' | 'stream'>();
	/** Of those that are here no more, the youngest. */
	#gone: string | undefined;
	/** Some of what waited had to go: what is shown now does not lead on to it. */
	#torn = false;

	clear(): void {
		this.lines = [];
		this.held = 0;
		this.earlier = undefined;
		this.#waiting = [];
		this.#known.clear();
		this.#gone = undefined;
		this.#torn = false;
	}

	/** A page of those that were written before. Returns how many of them are new here. */
	before(page: readonly Line[], next: string | null | undefined): number {
		const more = page
			.filter((line) => !this.#known.has(line.invocation))
			// In the same millisecond those of the older invocation; those of one stay in their order.
			.toSorted(
				(one, other) =>
					one.at - other.at || (one.invocation < other.invocation ? -1 : Number(one.invocation !== other.invocation))
			);
		for (const line of more) this.#known.set(line.invocation, 'page');
		this.lines = [...more, ...this.lines];
		this.earlier = next == null ? undefined : { before: next };
		return more.length;
	}

	/** Lines as they are written. */
	came(lines: readonly Line[], following: boolean): void {
		const more = lines.filter((line) => this.#known.get(line.invocation) !== 'page');
		for (const line of more) this.#known.set(line.invocation, 'stream');
		if (this.paused) {
			const waiting = this.#cut([...this.#waiting, ...more], MOST_READ);
			if (waiting.length < this.#waiting.length + more.length) this.#torn = true;
			this.#waiting = waiting;
			this.held = waiting.length;
			return;
		}
		this.#show([...this.lines, ...more], following ? MOST : MOST_READ);
	}

	/** Pauses it, or goes on with what came meanwhile. */
	pause(following: boolean): void {
		this.paused = !this.paused;
		if (this.paused) return;
		const came = this.#waiting;
		this.#waiting = [];
		this.held = 0;
		if (this.#torn) this.#drop(new Set(this.lines.map((line) => line.invocation)));
		this.#show([...(this.#torn ? [] : this.lines), ...came], following ? MOST : MOST_READ);
		this.#torn = false;
	}

	#show(lines: readonly Line[], most: number): void {
		const gone = this.#gone;
		this.lines = this.#cut(lines, most);
		if (this.#gone === gone && !this.#torn) return;
		// From the first that is here and began later on, all that went come again; whoever is here still is known, and not shown twice.
		const later = this.lines.map((line) => line.invocation).filter((id) => id > this.#gone!);
		this.earlier = later.length > 0 ? { before: later.reduce((one, other) => (other < one ? other : one)) } : {};
	}

	/** The last so many lines, without those of an invocation that would be torn. */
	#cut(lines: readonly Line[], most: number): Line[] {
		const going = new Set(lines.slice(0, Math.max(0, lines.length - most)).map((line) => line.invocation));
		const kept = lines.filter((line) => !going.has(line.invocation));
		if (going.size === 0 || kept.length === 0) return [...lines];
		this.#drop(going);
		return kept;
	}

	#drop(going: ReadonlySet<string>): void {
		for (const id of going) {
			this.#known.delete(id);
			if (this.#gone === undefined || id > this.#gone) this.#gone = id;
		}
	}
}
