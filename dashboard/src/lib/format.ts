// Numbers and times as people read them. Exact values are for the `title`.
import type { Schemas } from './api/client';

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const exactTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const clockTime = new Intl.DateTimeFormat(undefined, {
	hour: '2-digit',
	minute: '2-digit',
	second: '2-digit',
	fractionalSecondDigits: 3
});
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });

export const integer = (n: number): string => whole.format(n);
export const compact = (n: number): string => (Math.abs(n) < 1_000 ? whole.format(n) : short.format(n));

export function bytes(n: number): string {
	if (n < 1_024) return `${n} B`;
	const units = ['KiB', 'MiB', 'GiB', 'TiB'];
	let value = n;
	let unit = -1;
	do {
		value /= 1_024;
		unit += 1;
	} while (value >= 1_023.95 && unit < units.length - 1);
	return `${value < 10 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)} ${units[unit]}`;
}

export function duration(us: number): string {
	if (us < 1_000) return `${us} µs`;
	if (us < 1_000_000) return `${digits(us / 1_000)} ms`;
	if (us < 120_000_000) return `${digits(us / 1_000_000)} s`;
	return `${Math.round(us / 60_000_000)} min`;
}

function digits(value: number): string {
	return value < 10 ? value.toFixed(2).replace(/0$/, '') : value < 100 ? value.toFixed(1) : String(Math.round(value));
}

export function percent(share: number): string {
	if (share === 0) return '0 %';
	if (share > 0 && share < 0.001) return '< 0.1 %';
	return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

export const exact = (ms: number): string => exactTime.format(ms);
export const clock = (ms: number): string => clockTime.format(ms);

export function ago(ms: number, now: number): string {
	const seconds = Math.round((ms - now) / 1_000);
	const size = Math.abs(seconds);
	if (size < 5) return 'just now';
	if (size < 60) return relative.format(seconds, 'second');
	if (size < 3_600) return relative.format(Math.round(seconds / 60), 'minute');
	if (size < 86_400) return relative.format(Math.round(seconds / 3_600), 'hour');
	if (size < 30 * 86_400) return relative.format(Math.round(seconds / 86_400), 'day');
	return new Date(ms).toLocaleDateString();
}

export const count = (n: number, one: string, many = `${one}s`): string => `${integer(n)} ${n === 1 ? one : many}`;

/** What each outcome is called among people. */
export const OUTCOMES = {
	ok: 'ok',
	thrown: 'thrown',
	error: 'error',
	out_of_fuel: 'out of fuel',
	out_of_memory: 'out of memory',
	too_deep: 'too deep',
	timeout: 'timeout',
	response_too_large: 'response too large',
	quota: 'quota',
	too_large: 'too large',
	queue_full: 'queue full',
	storage_full: 'storage full',
	cancelled: 'cancelled',
	crashed: 'crashed'
} as const satisfies Record<Schemas['Outcome'], string>;

/** What an outcome is called; a newer server may tell of others. */
export const outcome = (code: string): string => (OUTCOMES as Record<string, string>)[code] ?? code.replaceAll('_', ' ');
