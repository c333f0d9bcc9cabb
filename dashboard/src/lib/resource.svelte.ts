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

/** Does something every so many milliseconds, while somebody looks at the page and the server answers. Returns what ends it. */
export function whileSeen(ms: number, act: () => void): () => void {
	const timer = setInterval(() => {
		if (document.visibilityState === 'visible' && connection.up && !session.expired) act();
	}, ms);
	return () => clearInterval(timer);
}

/** Some of a list. */
export interface Page<T> {
	items: readonly T[];
	/** Where it goes on. A page may have few items, or none, and go on all the same: no more was looked at. */
	next?: string | null;
	/** What was the newest of all when it was read, where the items do not tell: they are only those that fit. */
	newest?: string | null;
}

/** A list that comes in pages: the newest first, and more on demand. What passes is tried again while the list is shown. */
export class Pages<T> {
	#items = $state.raw<readonly T[]>([]);
	next = $state.raw<string | null | undefined>();
	loading = $state(true);
	failure = $state.raw<Failure | undefined>();
	/** Whether the server has told of its items at all: until then it is not known that there are none. */
	answered = $state(false);
	/** From here, or from what is newer, down to `next` everything was looked at. */
	#newest = '';
	#attempt = 0;
	/** Of what is asked for now: an answer to what was asked before comes too late. */
	#aborting: AbortController | undefined;
	#asking: Promise<void> | undefined;
	#adding: Promise<void> | undefined;
	#cancel = () => {};
	#failed: (() => void) | undefined;
	#shown = false;
	readonly #subscribe = createSubscriber(() => {
		this.#shown = true;
		this.#retryLater();
		return () => {
			this.#shown = false;
			this.#cancel();
		};
	});

	constructor(
		private readonly load: (from: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
		private readonly id: (item: T) => string
	) {}

	get items(): readonly T[] {
		this.#subscribe();
		return this.#items;
	}

	/** The first page, in place of all that is there. */
	async first(): Promise<void> {
		await this.#ask((signal) => this.load(undefined, signal), this.#replace);
	}

	/** What came since, put before what is there. For lists whose ids grow, and whose places are ids. */
	async refresh(): Promise<void> {
		await this.#adding;
		await this.#ask(
			(signal) => this.load(undefined, signal),
			(page) => {
				const end = page.next;
				// All of the list; or more came than was looked at: what lies between is read page by page again.
				if (end == null || end > this.#newest) return this.#replace(page);
				const older = this.#items.filter((item) => this.id(item) < end);
				this.#items = [...page.items, ...older];
				if (this.next != null && this.next > end) this.next = end;
				this.#newest = this.#newestOf(page);
			}
		);
	}

	/** As many as are there, read anew. For lists in which something comes and goes at any place. */
	async again(): Promise<void> {
		await this.#adding;
		await this.#ask(async (signal) => {
			const wanted = this.#items.length;
			const first = await this.load(undefined, signal);
			const items = [...first.items];
			let { next } = first;
			while (next != null && items.length < wanted) {
				const page = await this.load(next, signal);
				items.push(...page.items);
				next = page.next;
			}
			return { ...first, items, next };
		}, this.#replace);
	}

	/** What failed, once more. */
	retry(): void {
		this.#failed?.();
	}

	/** The next page, once what is being read is there. */
	async more(): Promise<void> {
		this.#adding ??= this.#more().finally(() => (this.#adding = undefined));
		await this.#adding;
	}

	async #more(): Promise<void> {
		while (this.#asking) await this.#asking;
		const from = this.next;
		if (from == null) return;
		await this.#ask(
			(signal) => this.load(from, signal),
			(page) => {
				this.#items = [...this.#items, ...page.items];
				this.next = page.next;
			}
		);
	}

	#newestOf({ newest, items, next }: Page<T>): string {
		return newest ?? (items[0] && this.id(items[0])) ?? next ?? '';
	}

	#replace = (page: Page<T>): void => {
		this.#items = page.items;
		this.next = page.next;
		this.#newest = this.#newestOf(page);
	};

	async #ask(load: (signal: AbortSignal) => Promise<Page<T>>, put: (page: Page<T>) => void): Promise<void> {
		this.#cancel();
		this.#failed = undefined;
		this.#aborting?.abort();
		const { signal } = (this.#aborting = new AbortController());
		this.loading = true;
		const asking = this.#read(load, put, signal);
		this.#asking = asking;
		await asking;
		if (this.#asking === asking) this.#asking = undefined;
	}

	async #read(load: (signal: AbortSignal) => Promise<Page<T>>, put: (page: Page<T>) => void, signal: AbortSignal): Promise<void> {
		try {
			const page = await load(signal);
			if (signal.aborted) return;
			this.failure = undefined;
			this.answered = true;
			this.#attempt = 0;
			put(page);
		} catch (error) {
			if (signal.aborted) return;
			this.failure = asFailure(error);
			this.#failed = () => void this.#ask(load, put);
			if (this.#shown) this.#retryLater();
		} finally {
			if (!signal.aborted) this.loading = false;
		}
	}

	/** As with a resource: a lost connection, and a session that has ended, are seen to elsewhere. */
	#retryLater(): void {
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
