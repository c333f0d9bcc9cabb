// The pages there are: an app's, in groups, and the addresses by which the code of all is loaded ahead.
import type { Role } from './app';
import type { IconName } from './ui/Icon.svelte';

interface Place {
	path: string;
	name: string;
	icon: IconName;
	needs?: Role;
}
/** An app's pages, as they stand at the left of each. */
export const GROUPS: { name?: string; places: Place[] }[] = [
	{
		places: [
			{ path: '', name: 'Overview', icon: 'overview' },
			{ path: 'scripts', name: 'Scripts', icon: 'script' },
			{ path: 'releases', name: 'Releases', icon: 'release' },
			{ path: 'invocations', name: 'Invocations', icon: 'list' },
			{ path: 'logs', name: 'Logs', icon: 'log' }
		]
	},
	{
		name: 'Triggers',
		places: [
			{ path: 'topics', name: 'Topics', icon: 'events' },
			{ path: 'schedules', name: 'Schedules', icon: 'clock' },
			{ path: 'domains', name: 'Domains', icon: 'globe' }
		]
	},
	{
		name: 'Data',
		places: [
			{ path: 'kv', name: 'Key-value store', icon: 'data' },
			{ path: 'files', name: 'Files', icon: 'file' },
			{ path: 'config', name: 'Configuration', icon: 'key' }
		]
	},
	{
		name: 'App',
		places: [
			{ path: 'members', name: 'Members', icon: 'people' },
			{ path: 'audit', name: 'Audit log', icon: 'audit', needs: 'owner' },
			{ path: 'settings', name: 'Settings', icon: 'settings' }
		]
	}
];

/** An address of each page for who is signed in. */
export const ADDRESSES: readonly string[] = [
	'/',
	'/account',
	'/server',
	...['new', 'scripts/x', 'invocations/x', ...GROUPS.flatMap(({ places }) => places.map(({ path }) => path))].map(
		(path) => `/apps/x${path && `/${path}`}`
	)
];
