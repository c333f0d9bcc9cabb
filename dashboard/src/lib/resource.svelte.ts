// What a page has read from the server: kept while it is read anew, and read again by itself after failures that pass.
import { createSubscriber } from 'svelte/reactivity';
import { connection } from './connection.svelte';
import { session } from './session.svelte';
import { asFailure, type Failure } from './api/client';

const RETRY_MS = [1_000, 2_000, 5_000, 10_000];
const pauseAfter = (attempt: number): number => RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)]!;

/** Does something after so many milliseconds, or, where nobody looks at the page then, as soon as somebody does. Returns what takes it back. */
function whenSeen(ms: number, act: () => void): () => void {
	const seen = () => {
		if (document.visibilityState !== 'visible') return;
		document.removeEventListener('visibilitychange', seen);
		act();
	};
	const timer = setTimeout(() => {
		document.addEventListener('visibilitychange', seen);
		seen();
	}, ms);
	return () => {
		clearTimeout(timer);
		document.removeEventListener('visibilitychange', seen);
	};
}

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
		let cancel = () => {};
		let attempt = 0;
		const later = (ms: number) => {
			cancel = whenSeen(ms, () => {
				// Who signs in again has everything read anew.
				if (!session.expired) void read(load(aborting.signal));
			});
		};
		const read = async (reading: Promise<T>) => {
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
				if (result.failure.passes && result.failure.status !== 0) later(pauseAfter(attempt++));
			} finally {
				if (!aborting.signal.aborted) result.loading = false;
			}
		};
		void read(load(aborting.signal));
		return () => {
			aborting.abort();
			cancel();
		};
	});
	return result;
}

/** A list that comes in pages: the newest first, and more on demand. What passes is tried again while the list is shown. */
export class Pages<T> {
	#items = $state.raw<readonly T[]>([]);
	next = $state.raw<string | null | undefined>();
	loading = $state(true);
	failure = $state.raw<Failure | undefined>();
	/** Whether the server has told of its items at all: until then it is not known that there are none. */
	answered = $state(false);
	#attempt = 0;
	/** Of what is asked for now: an answer to what was asked before comes too late. */
	#aborting: AbortController | undefined;
	#cancel = () => {};
	#failed: (() => void) | undefined;
	#shown = false;
	readonly #subscribe = createSubscriber(() => {
		this.#shown = true;
		this.#again();
		return () => {
			this.#shown = false;
			this.#cancel();
		};
	});

	constructor(
		private readonly load: (
			from: string | undefined,
			signal: AbortSignal
		) => Promise<{ items: readonly T[]; next?: string | null }>,
		private readonly id: (item: T) => string
	) {}

	get items(): readonly T[] {
		this.#subscribe();
		return this.#items;
	}

	/** The first page, in place of all that is there. */
	async first(): Promise<void> {
		await this.#page(undefined, () => []);
	}

	/** What came since, put before what is there. */
	async refresh(): Promise<void> {
		await this.#page(undefined, (fresh) => {
			const seen = new Set(fresh.map(this.id));
			const overlap = this.#items.some((item) => seen.has(this.id(item)));
			// More came than one page holds: what lies between is read page by page again.
			return overlap ? this.#items.filter((item) => !seen.has(this.id(item))) : [];
		});
	}

	async more(): Promise<void> {
		if (this.next === null || this.next === undefined || this.loading) return;
		await this.#page(this.next, () => []);
	}

	async #page(from: string | undefined, keep: (fresh: readonly T[]) => readonly T[]): Promise<void> {
		this.#cancel();
		this.#failed = undefined;
		this.#aborting?.abort();
		const { signal } = (this.#aborting = new AbortController());
		this.loading = true;
		try {
			const page = await this.load(from, signal);
			if (signal.aborted) return;
			this.failure = undefined;
			this.answered = true;
			this.#attempt = 0;
			if (from !== undefined) {
				this.#items = [...this.#items, ...page.items];
				this.next = page.next;
			} else {
				const kept = keep(page.items);
				this.#items = [...page.items, ...kept];
				if (kept.length === 0) this.next = page.next;
			}
		} catch (error) {
			if (signal.aborted) return;
			this.failure = asFailure(error);
			this.#failed = () => void this.#page(from, keep);
			if (this.#shown) this.#again();
		} finally {
			if (!signal.aborted) this.loading = false;
		}
	}

	/** As with a resource: a lost connection, and a session that has ended, are seen to elsewhere. */
	#again(): void {
		const failed = this.#failed;
		if (!failed || !this.failure?.passes || this.failure.status === 0) return;
		this.#cancel = whenSeen(pauseAfter(this.#attempt++), () => {
			if (!session.expired) failed();
		});
	}
}

const MOST = 1_000;
const cut = new WeakSet<object>();

/** Whether there is more than [`all`] has read. */
export const isCut = (list: unknown): boolean => typeof list === 'object' && list !== null && cut.has(list);

/** All pages of a list, up to a bound that keeps a page usable; `Loaded` tells when there is more. */
export async function all<T>(
	load: (from: string | undefined) => Promise<{ items: readonly T[]; next?: string | null }>
): Promise<T[]> {
	const items: T[] = [];
	let from: string | undefined;
	do {
		const page = await load(from);
		items.push(...page.items);
		from = page.next ?? undefined;
	} while (from !== undefined && items.length < MOST);
	if (from !== undefined) cut.add(items);
	return items;
}
