// What a page has read from the server: kept while it is read anew, and read again by itself after failures that pass.
import { connection } from './connection.svelte';
import { session } from './session.svelte';
import { asFailure, type Failure } from './api/client';

const RETRY_MS = [1_000, 2_000, 5_000, 10_000];

export interface Options {
	/** Reads it again after so many milliseconds, while somebody looks at the page; 0 or less: never. */
	every?: () => number;
}

export class Resource<T> {
	data = $state.raw<T | undefined>();
	failure = $state.raw<Failure | undefined>();
	loading = $state(true);
	#asked = $state(0);

	/** Reads it again, now. */
	reload = (): void => {
		this.#asked += 1;
	};

	/** Followed by whoever reads. */
	get asked(): number {
		return this.#asked;
	}
}

/** Reads with `load`, and again whenever something changes that it looks at before it first waits. For components' scripts. */
export function resource<T>(load: (signal: AbortSignal) => Promise<T>, { every }: Options = {}): Resource<T> {
	const result = new Resource<T>();
	$effect(() => {
		void result.asked;
		void connection.epoch;
		const pause = every?.() ?? 0;
		const aborting = new AbortController();
		let waiting: ReturnType<typeof setTimeout> | undefined;
		let attempt = 0;
		let busy = false;
		const visible = () => {
			if (document.visibilityState === 'visible' && waiting === undefined && !busy) void read(load(aborting.signal));
		};
		const later = (ms: number) => {
			waiting = setTimeout(() => {
				waiting = undefined;
				if (document.visibilityState === 'visible' && !session.expired) void read(load(aborting.signal));
			}, ms);
		};
		const read = async (reading: Promise<T>) => {
			busy = true;
			try {
				const data = await reading;
				if (aborting.signal.aborted) return;
				result.data = data;
				result.failure = undefined;
				attempt = 0;
				if (pause > 0) later(pause);
			} catch (error) {
				if (aborting.signal.aborted) return;
				result.failure = asFailure(error);
				// A lost connection is watched in one place, which has everything read again.
				if (result.failure.passes && result.failure.status !== 0) {
					later(RETRY_MS[Math.min(attempt++, RETRY_MS.length - 1)]!);
				}
			} finally {
				busy = false;
				if (!aborting.signal.aborted) result.loading = false;
			}
		};
		if (pause > 0) document.addEventListener('visibilitychange', visible);
		void read(load(aborting.signal));
		return () => {
			aborting.abort();
			clearTimeout(waiting);
			document.removeEventListener('visibilitychange', visible);
		};
	});
	return result;
}

/** A list that comes in pages: the newest first, and more on demand. */
export class Pages<T> {
	items = $state.raw<readonly T[]>([]);
	next = $state.raw<string | null | undefined>();
	loading = $state(true);
	failure = $state.raw<Failure | undefined>();
	#generation = 0;

	constructor(
		private readonly load: (from: string | undefined) => Promise<{ items: readonly T[]; next?: string | null }>,
		private readonly id: (item: T) => string
	) {}

	/** The first page, in place of all that is there. */
	async first(): Promise<void> {
		await this.#page(undefined, () => []);
	}

	/** What came since, put before what is there. */
	async refresh(): Promise<void> {
		await this.#page(undefined, (fresh) => {
			const seen = new Set(fresh.map(this.id));
			const overlap = this.items.some((item) => seen.has(this.id(item)));
			// More came than one page holds: what lies between is read page by page again.
			return overlap ? this.items.filter((item) => !seen.has(this.id(item))) : [];
		});
	}

	async more(): Promise<void> {
		if (this.next === null || this.next === undefined || this.loading) return;
		await this.#page(this.next, () => []);
	}

	async #page(from: string | undefined, keep: (fresh: readonly T[]) => readonly T[]): Promise<void> {
		const generation = ++this.#generation;
		this.loading = true;
		try {
			const page = await this.load(from);
			if (generation !== this.#generation) return;
			this.failure = undefined;
			if (from !== undefined) {
				this.items = [...this.items, ...page.items];
				this.next = page.next;
			} else {
				const kept = keep(page.items);
				this.items = [...page.items, ...kept];
				if (kept.length === 0) this.next = page.next;
			}
		} catch (error) {
			if (generation === this.#generation) this.failure = asFailure(error);
		} finally {
			if (generation === this.#generation) this.loading = false;
		}
	}
}

/** All pages of a list, up to a bound that keeps a page usable. */
export async function all<T>(
	load: (after: string | undefined) => Promise<{ items: readonly T[]; next?: string | null }>,
	most = 1_000
): Promise<T[]> {
	const items: T[] = [];
	let after: string | undefined;
	do {
		const page = await load(after);
		items.push(...page.items);
		after = page.next ?? undefined;
	} while (after !== undefined && items.length < most);
	return items;
}
