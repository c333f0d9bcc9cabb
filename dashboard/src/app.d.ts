// What SvelteKit asks for.
declare global {
	namespace App {
		interface PageState {
			/** The event of an invocation that is to be run again. */
			again?: { payload: unknown };
		}
	}
}
export {};
