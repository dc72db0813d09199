//! Which originals are read back next, and when each was read back last.

use super::Original;
use crate::{
    clock::Timestamp,
    db::{Arg, DbError, On, Sql, Tx, pieces, placeholders, sql},
    hash::Blake3,
    id::{FlowId, FolderId},
};

/// A choice of originals.
#[derive(Clone, Debug)]
pub enum Chosen {
    All,
    /// Those with an open finding.
    Found,
    /// Those whose hashes are in this range. Hashes are evenly distributed. A range whose end is before its start goes on at the
    /// lowest hash.
    Range {
        from: String,
        to: String,
    },
    /// Those of a flow's documents.
    Flow(FlowId),
    /// Those of the documents in a folder and the folders below it.
    Folder(FolderId),
}

impl Chosen {
    /// The condition on the rows, with its parameters from `$2` on.
    fn condition(&self) -> (&'static str, Vec<Arg>) {
        match self {
            Self::All => ("1 = 1", Vec::new()),
            Self::Found => {
                let open = "hash IN (SELECT subject FROM fixity_findings WHERE healed_at IS NULL AND kind <> 'untracked')";
                (open, Vec::new())
            }
            Self::Range { from, to } if from <= to => ("hash >= $2 AND hash < $3", vec![from.into(), to.into()]),
            Self::Range { from, to } => ("(hash >= $2 OR hash < $3)", vec![from.into(), to.into()]),
            Self::Flow(flow) => ("hash IN (SELECT original_hash FROM documents WHERE flow_id = $2)", vec![flow.into()]),
            Self::Folder(folder) => (
                "hash IN (
                   WITH RECURSIVE below AS (
                     SELECT id FROM folders WHERE id = $2
                     UNION ALL SELECT f.id FROM folders f JOIN below ON f.parent = below.id)
                   SELECT original_hash FROM documents WHERE deleted_at IS NULL AND folder_id IN (SELECT id FROM below))",
                vec![folder.into()],
            ),
        }
    }

    fn bind(&self, statement: Sql, since: Timestamp) -> Sql {
        statement.bind(since).bind_all(self.condition().1)
    }
}

/// Its bytes are not being deleted.
const HERE: &str = "NOT EXISTS (SELECT 1 FROM parted_originals p WHERE p.hash = originals.hash AND p.going)";

impl Original {
    /// Returns chosen originals that were not checked after `since`, the longest unchecked first.
    pub async fn unchecked(
        on: impl Into<On<'_>>,
        chosen: &Chosen,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<Self>, DbError> {
        let limit = limit.max(0);
        let text = format!(
            "SELECT * FROM originals WHERE checked_at <= $1 AND {HERE} AND {} ORDER BY checked_at, hash LIMIT {limit}",
            chosen.condition().0
        );
        chosen.bind(sql(text), since).all(on).await
    }

    /// Counts the chosen originals that were not checked after `since`.
    pub async fn count_unchecked(on: impl Into<On<'_>>, chosen: &Chosen, since: Timestamp) -> Result<i64, DbError> {
        let text =
            format!("SELECT COUNT(*) FROM originals WHERE checked_at <= $1 AND {HERE} AND {}", chosen.condition().0);
        chosen.bind(sql(text), since).scalar(on).await
    }

    /// Returns the first original from this hash on, else the one with the lowest hash.
    pub async fn nearest(on: impl Into<On<'_>>, from: &str) -> Result<Option<Self>, DbError> {
        sql("SELECT * FROM originals ORDER BY CASE WHEN hash >= $1 THEN 0 ELSE 1 END, hash LIMIT 1")
            .bind(from)
            .optional(on)
            .await
    }

    /// Writes the time of a check. The hashes are sorted.
    pub async fn mark_checked(tx: &mut Tx, hashes: &[&Blake3], at: Timestamp) -> Result<(), DbError> {
        for piece in pieces(hashes) {
            // In the order of the hashes, so that two checks do not deadlock.
            let text = format!(
                "UPDATE originals SET checked_at = $1
                 WHERE hash IN (SELECT hash FROM originals WHERE hash IN {} ORDER BY hash {{for_update}})",
                placeholders(2, piece.len())
            );
            sql(text).bind(at).bind_all(piece.iter().copied()).execute(&mut *tx).await?;
        }
        Ok(())
    }

    /// Returns when the longest unchecked original was checked. `None`: there are no originals.
    pub async fn longest_unchecked(on: impl Into<On<'_>>) -> Result<Option<Timestamp>, DbError> {
        sql("SELECT MIN(checked_at) FROM originals").scalar(on).await
    }
}
