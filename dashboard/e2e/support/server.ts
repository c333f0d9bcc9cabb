// A PiCloud of the tests' own: a process with its own data, on free ports.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const program = process.env.PICLOUD_BIN ?? join(import.meta.dirname, '../../../target/debug/picloud');
export const ADMIN = { username: 'ada', password: 'correct horse battery' };

export class Server {
	manager = '';
	ingress = '';

	private constructor(
		private readonly directory: string,
		private child: ChildProcess
	) {}

	static async start(): Promise<Server> {
		const directory = await mkdtemp(join(tmpdir(), 'picloud-dashboard-'));
		const server = new Server(directory, run(directory, ['--manager-addr', '127.0.0.1:0', '--ingress-addr', '127.0.0.1:0']));
		await server.ready();
		return server;
	}

	/** The one-time link. */
	get setupLink(): string {
		return readFileSync(join(this.directory, 'setup-link'), 'utf8').trim();
	}

	/** What the one-time link holds. */
	get setupToken(): string {
		return setupToken(this.setupLink);
	}

	/** Stops it, as Ctrl-C does. */
	async stop(): Promise<void> {
		if (this.child.exitCode !== null) return;
		const ended = once(this.child, 'exit');
		this.child.kill('SIGTERM');
		await ended;
	}

	/** Starts it again, at the same addresses. */
	async again(): Promise<void> {
		const [manager, ingress] = [this.manager, this.ingress].map((url) => new URL(url).host) as [string, string];
		this.child = run(this.directory, ['--manager-addr', manager, '--ingress-addr', ingress]);
		await this.ready();
	}

	async end(): Promise<void> {
		await this.stop();
		rmSync(this.directory, { recursive: true, force: true });
	}

	private async ready(): Promise<void> {
		const lines = createInterface({ input: this.child.stdout! });
		const failed = once(this.child, 'exit').then(() => {
			throw new Error('picloud ended before it was ready');
		});
		const [line] = (await Promise.race([once(lines, 'line'), failed])) as [string];
		({ manager: this.manager, ingress: this.ingress } = JSON.parse(line) as { manager: string; ingress: string });
	}
}

/** The secret of a one-time link. */
export const setupToken = (link: string): string => new URLSearchParams(new URL(link).hash.slice(1)).get('token')!;

function run(directory: string, addresses: string[]): ChildProcess {
	const flags = ['--data-dir', join(directory), '--json-ready', '--slots', '64', '--delivery-attempts', '1', '--log', 'error'];
	const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PICLOUD_') && name !== 'DATABASE_URL');
	return spawn(program, [...flags, ...addresses], { stdio: ['ignore', 'pipe', 'inherit'], env: Object.fromEntries(inherited) });
}
