// Starts the one server of the suite, and ends it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server } from './server';

export default async function start(): Promise<() => Promise<void>> {
	const server = await Server.start();
	process.env.E2E_MANAGER = server.manager;
	process.env.E2E_INGRESS = server.ingress;
	process.env.E2E_SETUP_LINK = server.setupLink;
	// What the walks change, for e2e/operations.ts: a worker that begins anew after a failure goes on in it.
	const directory = mkdtempSync(join(tmpdir(), 'picloud-walked-'));
	process.env.E2E_CHANGES = join(directory, 'changes');
	return async () => {
		rmSync(directory, { recursive: true, force: true });
		await server.end();
	};
}
