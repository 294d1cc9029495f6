//! The file that a series goes on from: what each holder held after its last day.
//!
//! ```text
//! 8 bytes   "assay" and the version of this form
//! 16 bytes  the supply
//! 8 bytes   number of holders
//! then for each holder 16 bytes of hash and 8 or 16 of amount
//! 8 bytes   the sum of all words before, by which a damaged file shows
//! ```
//!
//! All numbers are little-endian.

use std::io::{self, Read, Write};

use super::amount::Amount;
use super::history::{History, TooMuch};
use super::ledger::Holder;

const MAGIC: [u8; 8] = *b"assay\0\0\x02";

/// Why a series cannot go on from a file.
#[derive(Debug)]
pub(super) enum Unusable {
    /// It cannot be read.
    Io(io::Error),
    /// It is not what was written.
    Damaged,
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Unusable {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Unusable::Damaged,
            _ => Unusable::Io(error),
        }
    }
}

/// Writes what `history` goes on from.
pub(super) fn write<A: Amount>(history: &History<A>, out: &mut impl Write) -> io::Result<()> {
    let mut out = Summed { inner: out, sum: 0 };
    out.write(&MAGIC)?;
    out.write(&history.supply().to_le_bytes())?;
    out.write(&(history.len() as u64).to_le_bytes())?;
    for (holder, amount) in history.holdings() {
        out.write(&holder.to_bytes())?;
        out.write(&amount.get().to_le_bytes()[..A::BYTES])?;
    }
    let sum = out.sum;
    out.write(&sum.to_le_bytes())
}

/// Reads what [`write`] wrote into `history`, which is at its start.
pub(super) fn read<A: Amount>(
    history: &mut History<A>,
    file: &mut impl Read,
) -> Result<(), Unusable> {
    let mut file = Summed { inner: file, sum: 0 };
    if file.read::<8>()? != MAGIC {
        return Err(Unusable::Damaged);
    }
    let supply = i128::from_le_bytes(file.read()?);
    let count = u64::from_le_bytes(file.read()?);
    let mut failed = None;
    let holdings = (0..count).map_while(|_| match file.holding() {
        Ok(holding) => Some(holding),
        Err(error) => {
            failed = Some(error);
            None
        }
    });
    let resumed = history.resume(supply, holdings);
    if let Some(error) = failed {
        return Err(error.into());
    }
    resumed.map_err(|TooMuch| Unusable::Damaged)?;
    let sum = file.sum;
    if u64::from_le_bytes(file.read()?) != sum || file.inner.read(&mut [0])? != 0 {
        return Err(Unusable::Damaged);
    }
    Ok(())
}

/// What is read or written, and the sum of its words.
struct Summed<'a, T> {
    inner: &'a mut T,
    sum: u64,
}

impl<T> Summed<'_, T> {
    fn add(&mut self, bytes: &[u8]) {
        for word in bytes.as_chunks().0 {
            // Rotated, so that words that changed places show, too.
            self.sum = self.sum.rotate_left(1).wrapping_add(u64::from_le_bytes(*word));
        }
    }
}

impl<W: Write> Summed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.add(bytes);
        self.inner.write_all(bytes)
    }
}

impl<R: Read> Summed<'_, R> {
    fn read<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        self.add(&bytes);
        Ok(bytes)
    }

    fn holding<A: Amount>(&mut self) -> io::Result<(Holder, A)> {
        let holder = Holder::from_bytes(self.read()?);
        let amount = match A::BYTES {
            8 => i128::from(i64::from_le_bytes(self.read()?)),
            _ => i128::from_le_bytes(self.read()?),
        };
        Ok((holder, A::new(amount).ok_or(io::ErrorKind::UnexpectedEof)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::amount::Wide;
    use super::*;

    fn history<A: Amount>() -> History<A> {
        let mut history = History::new(8, 2);
        let holdings = (0..50u8).map(|number| {
            let amount = i128::from(number) * 1_000 - 2_000;
            (Holder::of(&[number]), A::new(amount).expect("small"))
        });
        history.resume(77, holdings).expect("small");
        history
    }

    fn sorted<A: Amount>(history: &History<A>) -> Vec<(Holder, i128)> {
        let mut all: Vec<_> =
            history.holdings().map(|(holder, amount)| (holder, amount.get())).collect();
        all.sort_unstable();
        all
    }

    fn goes_on<A: Amount>() {
        let (before, mut bytes) = (history::<A>(), Vec::new());
        write(&before, &mut bytes).expect("memory");
        let mut after = History::<A>::new(8, 3);
        read(&mut after, &mut bytes.as_slice()).expect("whole");
        assert_eq!(after.supply(), 77);
        assert_eq!(sorted(&after), sorted(&before));
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x40;
            let found = read(&mut History::<A>::new(8, 1), &mut damaged.as_slice());
            assert!(matches!(found, Err(Unusable::Damaged)), "{place}");
            let cut = read(&mut History::<A>::new(8, 1), &mut &bytes[..place]);
            assert!(matches!(cut, Err(Unusable::Damaged)), "{place}");
        }
        bytes.push(0);
        assert!(read(&mut History::<A>::new(8, 1), &mut bytes.as_slice()).is_err());
    }

    #[test]
    fn what_was_written_is_read_and_damage_shows() {
        goes_on::<i64>();
        goes_on::<Wide>();
    }
}
