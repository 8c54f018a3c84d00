// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload churn: makes garbage of 10 MB/s, and replaces entries of a map of fixed size, so that
 * some garbage is old when it dies.
 * Workload leak: makes garbage that dies young; after a line "leak" on stdin also adds two arrays of
 * 8 KiB to a static list ten times a second. Every line is answered with the bytes kept so far.
 */
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

public final class Workload {
	private static final int ENTRIES = 20000;
	private static final int ENTRY_BYTES = 500;
	private static final int REPLACED = 100;
	private static final int KEPT_BYTES = 8192;
	/* Header of an array, and the reference to it. */
	private static final int ARRAY_OVERHEAD_BYTES = 16 + 4;
	private static final long TURN_NS = 100_000_000L;

	private static final List<byte[]> KEPT = new ArrayList<>();
	private static volatile boolean leaking;
	private static volatile long keptBytes;
	private static volatile Object sink;

	private static void makeGarbage() {
		for (int i = 0; i < 1000; i++)
			sink = new byte[1000];
	}

	private static void replace(Map<Integer, byte[]> map, Random random) {
		for (int i = 0; i < REPLACED; i++)
			map.put(random.nextInt(ENTRIES), new byte[ENTRY_BYTES]);
	}

	private static void keep() {
		for (int i = 0; i < 2; i++)
			KEPT.add(new byte[KEPT_BYTES]);
		keptBytes = (long) KEPT.size() * (KEPT_BYTES + ARRAY_OVERHEAD_BYTES);
	}

	private static void turns(boolean churn) {
		Map<Integer, byte[]> map = new HashMap<>();
		Random random = new Random(1);
		long dueNs = System.nanoTime();

		try {
			for (;;) {
				makeGarbage();
				if (churn)
					replace(map, random);
				if (leaking)
					keep();
				dueNs = Math.max(dueNs + TURN_NS, System.nanoTime());
				Thread.sleep(Math.max(0, dueNs - System.nanoTime()) / 1_000_000L);
			}
		} catch (InterruptedException e) {
			System.exit(1);
		}
	}

	public static void main(String[] args) throws IOException {
		boolean churn = args[0].equals("churn");
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		String line;

		new Thread(() -> turns(churn)).start();
		System.out.println("ready");
		while ((line = in.readLine()) != null) {
			leaking = line.equals("leak");
			System.out.println(keptBytes);
		}
		System.exit(0);
	}
}
