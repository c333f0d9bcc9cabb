// Releases: what each changed, and going back to one with all that it had.
import { expect, test } from './support/test';

test('an app is brought back to what an earlier release left', async ({ api, enter }) => {
	await api.app('rewound');
	const page = await enter('/apps/rewound/releases');
	await expect(page.getByText('No release yet')).toBeVisible();
	const deploy = (scripts: unknown[]) => api.send('POST', '/apps/rewound/deploy', { scripts });
	const home = (source: string) => ({ name: 'home', source, routes: ['GET /'] });
	await deploy([home('"first"'), { name: 'lib/words', source: 'fn hello() { "hello" }' }]);
	await deploy([home('"second"'), { name: 'news', source: '"news"' }]);
	await page.reload();
	const latest = page.getByRole('row', { name: /latest/ });
	await expect(latest).toContainText('1 new, 1 changed, 1 deleted');
	await expect(latest).toContainText('ada');
	await latest.getByText('1 new, 1 changed, 1 deleted').click();
	await expect(latest.getByText('changed, version 1 → 2')).toBeVisible();

	await page.getByRole('button', { name: 'Undo changes since' }).click();
	const dialog = page.getByRole('dialog');
	await expect(dialog.getByText('There is nothing to change')).toBeVisible();
	await dialog.getByRole('button', { name: 'All right' }).click();
	await expect(page.getByRole('row')).toHaveCount(3);

	await page.getByRole('button', { name: 'Go back to 1' }).click();
	await expect(dialog).toContainText('goes with its invocations: news');
	const go = dialog.getByRole('button', { name: 'Go back' });
	await expect(go).toBeDisabled();
	await dialog.getByLabel('To confirm, type rewound').fill('rewound');
	await go.click();
	await expect(page.getByText('The app is as release 1 left it, as release 3.')).toBeVisible();
	await expect(latest).toContainText('back to release 1');
	expect(await (await api.call('rewound', '/')).text()).toBe('first');
	expect((await api.call('rewound', '/news')).status).toBe(404);
});

test('what was looked at and has changed since is not gone back over', async ({ api, enter, expected }) => {
	expected.statuses.push(409, 412);
	await api.app('race');
	const deploy = (source: string) => api.send('POST', '/apps/race/deploy', { scripts: [{ name: 'a', source }] });
	await deploy('1');
	await deploy('2');
	const page = await enter('/apps/race/releases');
	await page.getByRole('button', { name: 'Go back to 1' }).click();
	const dialog = page.getByRole('dialog');
	await expect(dialog.getByText('changed, version 2 → 1')).toBeVisible();
	await deploy('3');
	await dialog.getByRole('button', { name: 'Go back' }).click();
	await expect(dialog.getByRole('alert')).toBeVisible();
	expect(await (await api.call('race', '/a')).text()).toBe('3');
});

test('who may only look goes back to nothing', async ({ api, enter }) => {
	await api.app('shown');
	await api.send('POST', '/apps/shown/deploy', { scripts: [{ name: 'a', source: '1' }] });
	const vanessa = await api.user('vanessa', 'shown', 'viewer');
	const page = await enter('/apps/shown/releases', vanessa);
	await expect(page.getByRole('row').filter({ hasText: '1 new' })).toBeVisible();
	await expect(page.getByRole('button', { name: /Go back/ })).toHaveCount(0);
});
