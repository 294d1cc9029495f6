//! A simulated lake with all that can be computed: of both chains, of one by entity, too, and of a token.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

/// The lake; its folder goes when it is dropped.
pub struct Lake {
    dir: TempDir,
}

impl Lake {
    /// Simulates, indexes and computes, all by the program.
    pub fn computed() -> Lake {
        let lake = Lake { dir: TempDir::new().expect("a folder") };
        lake.run(&["demo", "-q", "--scale", "tiny", "--keep", "demo"]);
        lake.run(&["analyze", "-q", "--lake", "demo/lake"]);
        // Who shares the last letter is one holder.
        let entities =
            "select address, substr(address, length(address)) as entity from bitcoin.balances";
        let to_file = ["-f", "csv", "-o", "entities.csv", "--lake", "demo/lake"];
        lake.run(&[&["sql", entities], to_file.as_slice()].concat());
        let by_entity = ["--asset", "bitcoin", "--entities", "entities.csv"];
        let analyze = ["analyze", "-q", "holdings", "--lake", "demo/lake"];
        lake.run(&[analyze.as_slice(), by_entity.as_slice()].concat());
        let token = "select token from ethereum.token_transfers where standard = 'erc20' group by token order by count(*) desc, token limit 1";
        let answer = lake.run(&["sql", token, "-f", "csv", "--lake", "demo/lake"]);
        let token = answer.lines().nth(1).expect("a token");
        lake.run(&[analyze.as_slice(), &["--asset", token]].concat());
        lake
    }

    /// Where the lake is.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("demo/lake")
    }

    fn run(&self, args: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_assay"));
        command.args(args).current_dir(self.dir.path()).env_clear().env("HOME", self.dir.path());
        let output = command.output().expect("the program runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }
}
