// Whether the server answers. Where it stops, it is asked until it does again, and then everything on the page is read anew.

const PAUSE_MS = [500, 1_000, 2_000, 4_000];

class Connection {
	#up = $state(true);
	#epoch = $state(0);
	#attempt = 0;
	#waiting: ReturnType<typeof setTimeout> | undefined;

	/** Whether the last request was answered. */
	get up(): boolean {
		return this.#up;
	}

	/** Grows whenever what is shown may be stale: after a lost connection, or another sign-in. */
	get epoch(): number {
		return this.#epoch;
	}

	answered(): void {
		if (this.#up) return;
		clearTimeout(this.#waiting);
		this.#waiting = undefined;
		this.#attempt = 0;
		this.#up = true;
		this.#epoch += 1;
	}

	lost(): void {
		this.#up = false;
		this.#waiting ??= setTimeout(() => void this.#ask(), PAUSE_MS[Math.min(this.#attempt++, PAUSE_MS.length - 1)]);
	}

	/** Asks whether the server answers, where something else than a request of the API has failed. */
	look(): void {
		if (this.#waiting === undefined) void this.#ask();
	}

	/** Everything is read anew. */
	refresh(): void {
		this.#epoch += 1;
	}

	async #ask(): Promise<void> {
		this.#waiting = undefined;
		try {
			// Any answer will do, also that of a server that is not ready yet: whatever is asked then tells more.
			await fetch('/healthz', { cache: 'no-store', credentials: 'omit' });
			this.answered();
		} catch {
			this.lost();
		}
	}
}

export const connection = new Connection();
