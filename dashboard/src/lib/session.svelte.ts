// Who is signed in. The token is in sessionStorage: gone with the tab, never sent by the browser itself.
import { connection } from './connection.svelte';
import type { Schemas } from './api/client';

const KEY = 'picloud.token';

class Session {
	#token = $state<string | undefined>(sessionStorage.getItem(KEY) ?? undefined);
	#expired = $state(false);
	/** Known once the server has been asked. */
	me = $state.raw<Schemas['Me'] | undefined>();

	get token(): string | undefined {
		return this.#token;
	}

	/** The token is worth nothing any more; what is on the page stays until somebody signs in again. */
	get expired(): boolean {
		return this.#expired;
	}

	begin(token: string): void {
		sessionStorage.setItem(KEY, token);
		this.#token = token;
		this.#expired = false;
		connection.refresh();
	}

	expire(): void {
		sessionStorage.removeItem(KEY);
		this.#expired = true;
	}

	end(): void {
		sessionStorage.removeItem(KEY);
		this.#token = undefined;
		this.#expired = false;
		this.me = undefined;
	}
}

export const session = new Session();
