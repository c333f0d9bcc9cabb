// The app whose pages these are, and what one may do in it.
import { createContext } from 'svelte';
import type { Schemas } from './api/client';

export type Role = Schemas['Role'];
const RANK: Record<Role, number> = { viewer: 0, editor: 1, owner: 2 };

export interface AppContext {
	readonly app: Schemas['App'];
	/** Tells this state of the app from others: a change that sends it overwrites nobody else's. */
	readonly tag: string | null;
	/** Whether one has this role, or a higher one. The server looks all the same. */
	may(role: Role): boolean;
	/** Reads the app again after it was changed. */
	reload(): void;
}

export const [useApp, provideApp] = createContext<AppContext>();

export function may(app: Schemas['App'], role: Role): boolean {
	return RANK[app.role] >= RANK[role];
}

/** The address of a script's page. Its name is one segment. */
export const scriptHref = (app: string, script: string): string => `/apps/${app}/scripts/${encodeURIComponent(script)}`;
export const invocationHref = (app: string, id: string): string => `/apps/${app}/invocations/${id}`;
