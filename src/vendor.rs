pub mod qiyuesuo;
pub mod sign;
pub mod simulator;
