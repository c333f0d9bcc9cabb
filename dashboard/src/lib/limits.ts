// The limits of an app, as people name them; those of the API's document, all of them.
import type { Schemas } from './api/client';
import { integer } from './format';

export type LimitName = keyof Schemas['LimitValues'];

export const LIMIT_TITLES = {
	fuel: 'Fuel of one invocation',
	memory_bytes: 'Memory of one invocation, bytes',
	wall_time_ms: 'Time of one invocation, ms',
	request_body_bytes: 'Request body, bytes',
	response_body_bytes: 'Response body, bytes',
	log_lines: 'Lines of log',
	log_bytes: 'Bytes of log',
	kv_calls: 'Calls of the key-value store',
	topic_calls: 'Events published',
	http_calls: 'HTTP requests to others',
	file_calls: 'Calls about files',
	setting_calls: 'Reads of variables and secrets',
	script_calls: 'Calls of other scripts',
	random_bytes: 'Random bytes a call',
	concurrency: 'Requests at once',
	requests_per_minute: 'Requests a minute',
	fuel_per_minute: 'Fuel a minute',
	kv_bytes: 'Key-value store, bytes',
	kv_entries: 'Key-value store, entries',
	record_days: 'Days that records are kept',
	record_bytes: 'Records, bytes'
} as const satisfies Record<LimitName, string>;

export const LIMITS = Object.entries(LIMIT_TITLES) as [LimitName, string][];

/** A limit that is not there bounds nothing. */
export const limitText = (value: number | undefined): string => (value === undefined ? 'none' : integer(value));
