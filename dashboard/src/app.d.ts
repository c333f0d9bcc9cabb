// What SvelteKit asks for.
import type { Schemas } from '$lib/api/client';

declare global {
	namespace App {
		interface PageState {
			/** An invocation that was just run here, with what it answered. */
			ran?: Schemas['InvocationDetail'];
		}
	}
}
export {};
