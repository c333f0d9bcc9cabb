// One's own tokens, sessions and password.
import { Api } from './support/api';
import { ADMIN } from './support/server';
import { expect, test } from './support/test';

test('a token is made for little, used, and ended', async ({ api, enter, expected }) => {
	await api.app('robots');
	await api.app('no-robots');
	const page = await enter('/account');
	const dialog = page.getByRole('dialog');
	await page.getByRole('button', { name: 'New token' }).click();
	await dialog.getByLabel('Name').fill('a robot');
	await dialog.getByLabel('May at most').selectOption('viewer');
	await dialog.getByLabel('Only in some apps').check();
	await dialog.getByRole('checkbox', { name: 'robots', exact: true }).check();
	expected.statuses.push(422);
	await dialog.getByLabel('Good for, in days').fill('7');
	await dialog.getByRole('button', { name: 'Make it' }).click();
	const once = page.getByRole('dialog', { name: 'The token' });
	const token = (await once.locator('pre').textContent())!.trim();
	expect(token).toMatch(/^pic_/);
	await once.getByRole('button', { name: 'Close' }).click();
	await expect(page.getByText(token)).toHaveCount(0);
	const row = page.getByRole('row', { name: /a robot at most viewer, in robots/ });
	await expect(row).toBeVisible();

	const robot = new Api(api.manager, api.ingress, token);
	await robot.send('GET', '/apps/robots');
	await expect(robot.send('GET', '/apps/no-robots')).rejects.toThrow(/404/);
	await expect(robot.send('DELETE', '/apps/robots')).rejects.toThrow(/403/);
	await row.getByRole('button', { name: 'End a robot' }).click();
	await dialog.getByRole('button', { name: 'End it' }).click();
	await expect(row).toHaveCount(0);
	await expect(robot.send('GET', '/apps/robots')).rejects.toThrow(/401/);
});

test('a password is changed, other sessions end, and one signs out and in again', async ({ api, another, expected }) => {
	await api.app('passwords');
	const pat = await api.user('pat', 'passwords', 'viewer');
	const page = await another('/account', pat);
	const elsewhere = await new Api(api.manager, api.ingress, '').send<{ token: string }>('POST', '/auth/login', {
		username: 'pat',
		password: ADMIN.password
	});
	await page.reload();
	await expect(page.getByRole('button', { name: /^End the session until/ })).toHaveCount(1);
	const fresh = 'another horse battery';
	expected.statuses.push(401, 403, 422);
	await page.getByLabel('The one until now').fill('not the password');
	await page.getByLabel('The new one').fill(fresh);
	await page.getByRole('button', { name: 'Change the password' }).click();
	await expect(page.getByRole('alert')).toBeVisible();
	await expect(page.getByRole('dialog')).toHaveCount(0);
	await page.getByLabel('The one until now').fill(ADMIN.password);
	await page.keyboard.press('Enter');
	await expect(page.getByText('The password is changed; your other sessions have ended.')).toBeVisible();
	await expect(page.getByRole('alert')).toHaveCount(0);
	await expect(page.getByRole('button', { name: /^End the session until/ })).toHaveCount(0);
	await expect(new Api(api.manager, api.ingress, elsewhere.token).send('GET', '/auth/me')).rejects.toThrow(/401/);

	await page.locator('summary').filter({ hasText: 'pat' }).click();
	await page.getByRole('button', { name: 'Sign out' }).click();
	await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
	await page.getByLabel('User name').fill('pat');
	await page.getByLabel('Password').fill(ADMIN.password);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await expect(page.getByRole('alert')).toContainText('Wrong user name or password');
	await page.getByLabel('Password').fill(fresh);
	await page.keyboard.press('Enter');
	// Back where one was.
	await expect(page.getByRole('heading', { name: 'Account', level: 1 })).toBeVisible();
	await page.getByRole('button', { name: 'End this session' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'End it' }).click();
	await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
});

test('signing in leads to a page of this server only', async ({ page }) => {
	for (const [to, leads] of [
		['/%09/example.org/', '/'],
		['//example.org/', '/'],
		['https://example.org/', '/'],
		['http://', '/'],
		['/account?from=here', '/account?from=here']
	] as const) {
		await page.goto(`${process.env.E2E_MANAGER}/login?to=${to}`);
		await page.getByLabel('User name').fill(ADMIN.username);
		await page.getByLabel('Password').fill(ADMIN.password);
		await page.getByRole('button', { name: 'Sign in' }).click();
		await expect(page.getByText('ada').first()).toBeVisible();
		await expect(page, to).toHaveURL(process.env.E2E_MANAGER + leads);
	}
});

test('who signs out while the server is away is told that it does not know', async ({ enter, expected }) => {
	const page = await enter('/account', await Api.admin());
	await expect(page.getByText('Session').first()).toBeVisible();
	expected.offline = true;
	await page.route('**/api/v1/auth/logout', (route) => route.abort());
	await page.locator('summary').click();
	await page.getByRole('button', { name: 'Sign out' }).click();
	await expect(page.getByText('the server could not be told')).toBeVisible();
	await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
	expect(await page.evaluate(() => sessionStorage.getItem('picloud.token'))).toBeNull();
});
