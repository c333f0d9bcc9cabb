// Which operations of the API change something, which of them the pages offer, and whether a walk has made each of these.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';

/** What is left to `pic`. */
const NOT_OFFERED = ['deploy'];

const root = join(import.meta.dirname, '..');
const document = JSON.parse(readFileSync(join(root, '../docs/openapi.json'), 'utf8')) as {
	paths: Record<string, Record<string, { operationId: string }>>;
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
	Object.entries(methods)
		.filter(([method]) => ['post', 'put', 'patch', 'delete'].includes(method))
		.map(([method, { operationId }]) => ({
			id: operationId,
			method: method.toUpperCase(),
			path,
			pattern: new RegExp(`^${method.toUpperCase()} ${path.replace(/\{[^}]+\}/g, '[^/]+')}$`)
		}))
);

test('the pages offer every change, but for what is left to pic', () => {
	const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
	const sources = files
		.filter((file) => /\.(svelte|ts)$/.test(file))
		.map((file) => readFileSync(join(root, 'src', file), 'utf8'));
	const called = new Set(
		sources.flatMap((source) =>
			[...source.matchAll(/api\.(POST|PUT|PATCH|DELETE)\(\s*'([^']+)'/g)].map(([, method, path]) => `${method} ${path}`)
		)
	);
	const missing = operations.filter(({ method, path }) => !called.has(`${method} ${path}`)).map(({ id }) => id);
	expect(missing.toSorted()).toEqual(NOT_OFFERED.toSorted());
});

test('every change that the pages offer is made by a walk', () => {
	const made = new Set(
		readFileSync(process.env.E2E_CHANGES!, 'utf8')
			.split('\n')
			.map((request) => operations.find(({ pattern }) => pattern.test(request))?.id)
	);
	const offered = operations.map(({ id }) => id).filter((id) => !NOT_OFFERED.includes(id));
	expect(offered.filter((id) => !made.has(id))).toEqual([]);
});
