// What SvelteKit asks for.
declare global {
	namespace App {}
}
export {};
