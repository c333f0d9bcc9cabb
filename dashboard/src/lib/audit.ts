// What an entry of the audit log tells beside who did what, in the words of the pages where it is done.
import type { Schemas } from './api/client';
import { exact, integer } from './format';
import { LIMIT_TITLES } from './limits';

type Cors = Schemas['Cors'];

export function detail({ detail }: Schemas['AuditEntry']): string {
	return Object.entries((detail ?? {}) as Record<string, unknown>)
		.flatMap(([name, value]) => written(name, value))
		.join('; ');
}

function written(name: string, value: unknown): string[] {
	// Of all that can be changed, this alone is told where it was taken away.
	if (name === 'cors') return [value === null ? 'pages of other origins: as the scripts say' : cors(value as Cors)];
	if (value === null) return [];
	if (name === 'limits' && typeof value === 'object') return Object.entries(value).map(([limit, to]) => changed(limit, to));
	if (name === 'sha256') return [`${name} ${String(value).slice(0, 12)}`];
	if (name.endsWith('_at') && typeof value === 'number') return [`${name} ${exact(value)}`];
	if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return [`${name} ${value.join(', ') || 'none'}`];
	return [`${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`];
}

/** A newer server may have other limits. */
const changed = (limit: string, to: unknown): string =>
	`${(LIMIT_TITLES as Record<string, string>)[limit] ?? limit}: ${typeof to === 'number' ? integer(to) : 'the default'}`;

function cors({ origins, headers, expose, credentials, max_age }: Cors): string {
	const parts = [
		`pages of ${origins.join(', ') || 'no other origin'}`,
		...(headers?.length ? [`may send ${headers.join(', ')}`] : []),
		...(expose?.length ? [`may read ${expose.join(', ')}`] : []),
		...(credentials ? ['with cookies'] : []),
		...(max_age == null ? [] : [`remembered for ${integer(max_age)} s`])
	];
	return parts.join(', ');
}
