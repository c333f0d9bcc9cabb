// Somebody who has never seen PiCloud: sets it up, makes an app, writes a script with a mistake in it, mends it, calls it and sees what it cost.
import { ADMIN } from './support/server';
import { expect, test, write } from './support/test';

test('from the one-time link to the first call', async ({ page }) => {
	const manager = process.env.E2E_MANAGER!;
	await page.goto(manager);
	await expect(page.getByRole('heading', { name: 'Welcome to PiCloud' })).toBeVisible();
	await expect(page.getByText('cat data/setup-link')).toBeVisible();

	await page.goto(process.env.E2E_SETUP_LINK!);
	await expect(page.getByRole('heading', { name: 'Set up PiCloud' })).toBeVisible();
	await expect(page).toHaveURL(`${manager}/setup`);
	await page.getByLabel('User name').fill(ADMIN.username);
	await page.getByLabel('Password', { exact: true }).fill('short');
	await page.getByRole('button', { name: 'Create the administrator' }).click();
	await expect(page.getByText('At least 10 characters, please.')).toBeVisible();
	await page.getByLabel('Password', { exact: true }).fill(ADMIN.password);
	await page.getByLabel('The password again').fill(ADMIN.password);
	await page.getByRole('button', { name: 'Create the administrator' }).click();

	await expect(page.getByText('No app yet')).toBeVisible();
	await page.getByRole('button', { name: 'New app' }).first().click();
	await page.getByLabel('Short name').fill('first');
	await page.getByRole('button', { name: 'Create', exact: true }).click();
	await expect(page.getByRole('heading', { name: 'first', level: 1 })).toBeVisible();

	await page.getByRole('link', { name: 'New script' }).click();
	await page.getByLabel('Name').fill('greet');
	await expect(page.getByLabel('Routes')).toHaveValue('GET /greet');
	await page.getByLabel('Routes').fill('GET /greet/{name}');
	await write(page, 'Source', 'let name = req.params.name;\n`Hello, ${name!`');
	await expect(page.getByRole('button', { name: /2:\d+ Expecting/ })).toBeVisible();
	await write(page, 'Source', 'let name = req.params.name;\nlog::info(`greeting ${name}`);\n`Hello, ${name}!`');
	await expect(page.getByText('No problem found')).toBeVisible();
	await page.getByRole('button', { name: 'Save and go live' }).click();

	await expect(page.getByRole('heading', { name: 'greet', level: 1 })).toBeVisible();
	await page.getByLabel('Path').fill('/greet/Ada');
	await page.getByRole('button', { name: 'Send the request' }).click();
	await expect(page.getByRole('region', { name: "The response's body" })).toHaveText('Hello, Ada!');
	await expect(page.getByRole('meter', { name: 'Fuel' })).toHaveAttribute('aria-valuetext', /of 500,000,000/);
	await expect(page.getByText('greeting Ada')).toBeVisible();

	// The same by its address, and both of them in the list.
	expect(await (await fetch(`${process.env.E2E_INGRESS}/first/greet/Bob`)).text()).toBe('Hello, Bob!');
	await page.getByRole('link', { name: 'Invocations', exact: true }).first().click();
	await expect(page.getByRole('cell', { name: 'GET /greet/Bob' })).toBeVisible();
	await expect(page.getByRole('cell', { name: 'GET /greet/Ada' })).toBeVisible();
});
