//! Policy files in, a decision with its reason out; pure.
