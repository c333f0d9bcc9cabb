// Starts the one server of the suite, and ends it.
import { Server } from './server';

export default async function start(): Promise<() => Promise<void>> {
	const server = await Server.start();
	process.env.E2E_MANAGER = server.manager;
	process.env.E2E_INGRESS = server.ingress;
	process.env.E2E_SETUP_LINK = server.setupLink;
	return () => server.end();
}
